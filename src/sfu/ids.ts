/** User and room ids as clients write them. */
import { z } from 'zod'

const LONGEST = 256
/** Control characters, and halves of surrogate pairs (two such ids would be one in UTF-8). */
const forbidden = /[\p{Cc}\p{Cs}]/u

/** @returns whether `text` is 1 to 256 characters (code points) long and free of control characters */
export function isId(text: string): boolean {
  if (text.length === 0 || text.length > 2 * LONGEST) return false
  return !forbidden.test(text) && (text.length <= LONGEST || [...text].length <= LONGEST)
}

const expected = 'expected a string of 1 to 256 characters without control characters, or a safe integer'

/** Takes a string, or a safe integer as its decimal string. */
export const idSchema = z.union([z.string(), z.number()], { error: expected }).transform((value, context): string => {
  const text = typeof value === 'string' ? value : Number.isSafeInteger(value) ? String(value) : ''
  if (isId(text)) return text
  context.addIssue({ code: 'custom', message: expected })
  return z.NEVER
})
