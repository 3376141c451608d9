/** Lists may be long; a reply holds a page of one. */
import { z } from 'zod'

const PAGE_MAX = 10_000
const expected = (least: number) => `expected an integer from ${least}`

export const pageShape = {
  offset: z
    .int({ error: expected(0) })
    .min(0, { error: expected(0) })
    .default(0),
  limit: z
    .int({ error: expected(1) })
    .min(1, { error: expected(1) })
    .max(PAGE_MAX, { error: `expected at most ${PAGE_MAX}` })
    .default(1000),
}

export function pageOf<T>(all: Iterable<T>, { offset, limit }: { offset: number; limit: number }) {
  const items: T[] = []
  let total = 0
  for (const item of all) {
    if (total >= offset && items.length < limit) items.push(item)
    total++
  }
  return { items, total }
}
