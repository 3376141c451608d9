import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string) => createHash('sha256').update(text).digest()

/** A name for a secret in tables: finding it takes a time that says nothing about one that is nearly right. */
export const fingerprint = (text: string): string => digest(text).toString('base64')

/** Compares in a time that says nothing about either text, whatever their lengths are. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}
