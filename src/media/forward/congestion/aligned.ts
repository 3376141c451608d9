/**
 * The next multiple of `intervalMs` after `nowMs`. What many streams have to do from time to time they do at the same times, so
 * that a router wakes up once for all of them.
 */
export function alignedMs(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs
}
