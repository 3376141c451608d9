/**
 * What the link holds, learnt from the rates at which it was used too much: near it the rate grows carefully, far
 * from it fast (libwebrtc's `LinkCapacityEstimator`; the average of draft-ietf-rmcat-gcc-02 §5.5).
 */

const OVERUSE_WEIGHT = 0.05
const PROBE_WEIGHT = 0.5
/** The deviation is that of rates normalised by the estimate, in kbit/s: its first value and its bound. */
const FIRST_DEVIATION = 0.4
const MAX_DEVIATION = 2.5
const DEVIATIONS = 3

export class LinkCapacity {
  #kbps = Number.NaN
  #deviation = FIRST_DEVIATION

  get known(): boolean {
    return !Number.isNaN(this.#kbps)
  }

  /** NaN = unknown. */
  get bps(): number {
    return this.#kbps * 1000
  }

  /** Infinity = unknown. */
  get upperBps(): number {
    return this.known ? (this.#kbps + this.#spread) * 1000 : Number.POSITIVE_INFINITY
  }

  /** 0 = unknown. */
  get lowerBps(): number {
    return this.known ? Math.max(0, this.#kbps - this.#spread) * 1000 : 0
  }

  /** Came through while the link was used too much. */
  overused(acknowledgedBps: number): void {
    this.#add(acknowledgedBps / 1000, OVERUSE_WEIGHT)
  }

  /** A probe measured so much. */
  probed(bps: number): void {
    this.#add(bps / 1000, PROBE_WEIGHT)
  }

  forget(): void {
    this.#kbps = Number.NaN
  }

  get #spread(): number {
    return DEVIATIONS * Math.sqrt(this.#deviation * this.#kbps)
  }

  #add(kbps: number, weight: number): void {
    this.#kbps = this.known ? (1 - weight) * this.#kbps + weight * kbps : kbps
    const error = this.#kbps - kbps
    const deviation = (1 - weight) * this.#deviation + (weight * error * error) / Math.max(this.#kbps, 1)
    this.#deviation = Math.max(FIRST_DEVIATION, Math.min(MAX_DEVIATION, deviation))
  }
}
