/**
 * When a worker looks for endpoints that are due. After it was kept from running they wait a moment longer, for what has come meanwhile
 * to be read: timers run before sockets are read, and an acknowledgement that waits there may be just what an endpoint is due for.
 */

/** They are looked for no more often than this. */
const INTERVAL_MS = 5
/** Deadlines that have passed for longer than that: this worker was kept from running. */
const LATE_MS = 20
const GRACE_MS = 10

export class Sweeps {
  /** Not 0: a first fraction in it would change the shape of `this`, and throw away what was compiled for it. */
  #lastMs = Number.NEGATIVE_INFINITY
  #graceUntilMs = Number.NEGATIVE_INFINITY

  /** @param earliestMs when the first endpoint may be due */
  nextMs(earliestMs: number): number {
    return Math.max(earliestMs, this.#lastMs + INTERVAL_MS, this.#graceUntilMs)
  }

  /** @returns whether to sweep now; what is late is put off once, see `nextMs` */
  begin(nowMs: number, earliestMs: number): boolean {
    const dueMs = this.nextMs(earliestMs)
    if (nowMs < dueMs) return false
    if (dueMs !== this.#graceUntilMs && nowMs - dueMs > LATE_MS) {
      this.#graceUntilMs = nowMs + GRACE_MS
      return false
    }
    this.#lastMs = nowMs
    return true
  }
}
