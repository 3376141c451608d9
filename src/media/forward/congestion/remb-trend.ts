/** Where the estimates of a client's own go (REMB, draft-alvestrand-rmcat-remb-03), all its connections together. */

/** It moved when it is by this share more or less than where it moved last: less is rounding, and adds up. */
const MOVE = 0.03

export class RembTrend {
  #movedBps = Number.NaN
  /** When it rose last, and fell; −Infinity = never. The first one is a rise. */
  roseMs = Number.NEGATIVE_INFINITY
  fellMs = Number.NEGATIVE_INFINITY

  /** @param bps the sum of all connections; NaN when one tells none: what comes next is compared with nothing before */
  take(bps: number, nowMs: number): void {
    if (Number.isNaN(this.#movedBps) || bps > this.#movedBps * (1 + MOVE)) this.roseMs = nowMs
    else if (bps < this.#movedBps * (1 - MOVE)) this.fellMs = nowMs
    else if (!Number.isNaN(bps)) return
    this.#movedBps = bps
  }
}
