/** Waiting times between attempts. */
export interface BackoffSettings {
  firstMs: number
  maxMs: number
  /** Part of each delay that is random, 0–1, so that a room full of clients does not come back in step. */
  jitter: number
}

/** First retry after about half a second, doubling, never more than ten. */
export const defaultBackoff: BackoffSettings = { firstMs: 500, maxMs: 10_000, jitter: 0.5 }

/**
 * @param attempt how many attempts failed in a row, from 1
 * @param random 0 ≤ random < 1
 * @returns how long to wait before the next attempt, ms: between (1 − jitter) and 1 times the exponential delay
 */
export function backoffMs(attempt: number, random: number, settings: BackoffSettings = defaultBackoff): number {
  const { firstMs, maxMs, jitter } = settings
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 30))
  return Math.round(fullMs * (1 - jitter * random))
}
