/**
 * Says of a trend of delay whether the link is used too much. The threshold follows the trend slowly, so that flows
 * that only react to loss do not starve ours (draft-ietf-rmcat-gcc-02 §5.4).
 */

export type Usage = 'normal' | 'over' | 'under'

/** Trends are small numbers; with many groups behind them they count for more, up to this many. */
const MAX_COUNT = 60
const GAIN = 4
/** Where the threshold begins, its bounds, and how fast it follows a trend above and below it, per ms. */
const FIRST_THRESHOLD = 12.5
const MIN_THRESHOLD = 6
const MAX_THRESHOLD = 600
const RATE_UP = 0.0087
const RATE_DOWN = 0.039
/** A trend that stands out so far is a spike: the threshold does not follow it. */
const MAX_FOLLOWED = 15
const MAX_STEP_MS = 100
/** The trend must stay above for longer than this. */
const OVERUSE_MS = 10

export class OveruseDetector {
  #threshold = FIRST_THRESHOLD
  #overMs = -1
  #overCount = 0
  #previousSlope = 0
  #updatedMs = Number.NaN
  #usage: Usage = 'normal'

  get usage(): Usage {
    return this.#usage
  }

  /**
   * @param slope of the delay, ms per ms @param count deltas that it is made of, from the beginning on
   * @param sendDeltaMs between the last two groups @param nowMs arrival of the last group, by the receiver's clock
   */
  detect(slope: number, count: number, sendDeltaMs: number, nowMs: number): Usage {
    if (count < 2) return (this.#usage = 'normal')
    const trend = Math.min(count, MAX_COUNT) * slope * GAIN
    if (trend > this.#threshold) {
      this.#overMs = this.#overMs < 0 ? sendDeltaMs / 2 : this.#overMs + sendDeltaMs
      this.#overCount++
      if (this.#overMs > OVERUSE_MS && this.#overCount > 1 && slope >= this.#previousSlope) {
        this.#overMs = 0
        this.#overCount = 0
        this.#usage = 'over'
      }
    } else {
      this.#overMs = -1
      this.#overCount = 0
      this.#usage = trend < -this.#threshold ? 'under' : 'normal'
    }
    this.#previousSlope = slope
    this.#follow(Math.abs(trend), nowMs)
    return this.#usage
  }

  /** Begins anew; the threshold that was learnt stays. */
  reset(): void {
    this.#overMs = -1
    this.#overCount = 0
    this.#previousSlope = 0
    this.#updatedMs = Number.NaN
    this.#usage = 'normal'
  }

  #follow(trend: number, nowMs: number): void {
    const elapsedMs = Number.isNaN(this.#updatedMs) ? 0 : nowMs - this.#updatedMs
    this.#updatedMs = nowMs
    if (trend > this.#threshold + MAX_FOLLOWED) return
    const rate = trend < this.#threshold ? RATE_DOWN : RATE_UP
    this.#threshold += rate * (trend - this.#threshold) * Math.max(0, Math.min(elapsedMs, MAX_STEP_MS))
    this.#threshold = Math.max(MIN_THRESHOLD, Math.min(MAX_THRESHOLD, this.#threshold))
  }
}
