/** Unwraps clocks of senders that count few bits: milliseconds without wraps, from any origin. */
export class SendClock {
  readonly #wrapMs: number
  #lastMs = Number.NaN

  /** @param wrapMs after so long the clock begins again */
  constructor(wrapMs: number) {
    this.#wrapMs = wrapMs
  }

  /**
   * @param atMs what the clock shows, 0 ≤ … < `wrapMs`
   * @returns the time nearest to the last one that it may mean
   */
  unwrap(atMs: number): number {
    const wrap = this.#wrapMs
    if (Number.isNaN(this.#lastMs)) return (this.#lastMs = wrap + atMs)
    let ahead = (atMs - this.#lastMs) % wrap
    if (ahead < -wrap / 2) ahead += wrap
    else if (ahead >= wrap / 2) ahead -= wrap
    const ms = this.#lastMs + ahead
    if (ahead > 0) this.#lastMs = ms
    return ms
  }
}
