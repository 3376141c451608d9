/** How long a sender that is allowed `perSecond` may send at once what it saved up. */
const BURST_SECONDS = 4

/**
 * A token bucket: `perSecond` messages a second in the long run, and what four seconds allow at once. Keeps one
 * number, the time at which the bucket would be full again.
 */
export class RateLimit {
  readonly #intervalMs: number
  readonly #burstMs = BURST_SECONDS * 1000
  #fullAtMs = Number.NEGATIVE_INFINITY

  /** @param perSecond 0 = no limit */
  constructor(perSecond: number) {
    this.#intervalMs = perSecond > 0 ? 1000 / perSecond : 0
  }

  /** @returns how long the next message has to wait; 0 = it may come now */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#fullAtMs + this.#intervalMs - nowMs - this.#burstMs)
  }

  /** Counts a message. */
  take(nowMs: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs
  }
}
