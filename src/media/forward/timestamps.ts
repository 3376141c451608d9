/**
 * RTP timestamps of one sent stream (RFC 3550 §5.1): source timestamp plus an offset that changes only when the
 * source does. Across such a change the sent timestamp advances by the wall time that passed, so that playout
 * and A/V sync go on.
 */
import { timestampNewer } from '../rtp/sequence.js'

export class Timestamps {
  /** Sent − source, modulo 2^32. */
  #offset: number
  /** Newest timestamp sent, and when its packet came. */
  #newest = 0
  #newestMs = Number.NEGATIVE_INFINITY
  #rebase = false
  #clockRate: number

  /** @param firstOffset random, 0…2^32−1 @param clockRate in Hz */
  constructor(firstOffset: number, clockRate: number) {
    this.#offset = firstOffset
    this.#clockRate = clockRate
  }

  /** The timestamp to send for `timestamp`, both 0…2^32−1. The first call after `rebase` fixes the new offset. */
  map(timestamp: number, nowMs: number): number {
    if (this.#rebase) {
      this.#rebase = false
      const ticks = Math.round(((nowMs - this.#newestMs) * this.#clockRate) / 1000)
      // At least one tick: two frames with one timestamp would be taken for one frame.
      this.#offset = (this.#newest + Math.max(1, ticks) - timestamp) >>> 0
    }
    const sent = (timestamp + this.#offset) >>> 0
    if (this.#newestMs < 0 || timestampNewer(sent, this.#newest)) {
      this.#newest = sent
      this.#newestMs = nowMs
    }
    return sent
  }

  /** The timestamp that a packet of the present source was, or a sender report would be, sent with. */
  peek(timestamp: number): number {
    return (timestamp + this.#offset) >>> 0
  }

  /** Whether the next timestamp fixes a new offset. */
  get rebasing(): boolean {
    return this.#rebase
  }

  /** The next timestamp comes from another source. Before the first packet any offset is good. */
  rebase(clockRate: number): void {
    this.#rebase = this.#newestMs >= 0
    this.#clockRate = clockRate
  }
}
