/**
 * Whether the one-way delay grows: the slope of a line through the last groups' smoothed queueing delays
 * (draft-ietf-rmcat-gcc-02 §5.3 with a line fit for the Kalman filter, as libwebrtc's `TrendlineEstimator`).
 */

/** Groups that the line goes through. */
const WINDOW = 20
/** Share of the smoothed delay that stays with each new group. */
const SMOOTHING = 0.9

export class Trendline {
  readonly #atMs = new Float64Array(WINDOW)
  readonly #delayMs = new Float64Array(WINDOW)
  #firstMs = Number.NaN
  #count = 0
  #accumulatedMs = 0
  #smoothedMs = 0
  #slope = 0

  /** ms of delay per ms of time: 0 = the queue is steady, 1 = nothing gets through. */
  get slope(): number {
    return this.#slope
  }

  /** Deltas so far. */
  get count(): number {
    return this.#count
  }

  /** @param deltaMs how much more time lay between two groups at the arrival than at the sending */
  add(deltaMs: number, arrivedMs: number): void {
    if (this.#count === 0) this.#firstMs = arrivedMs
    this.#accumulatedMs += deltaMs
    this.#smoothedMs = SMOOTHING * this.#smoothedMs + (1 - SMOOTHING) * this.#accumulatedMs
    const at = this.#count++ % WINDOW
    this.#atMs[at] = arrivedMs - this.#firstMs
    this.#delayMs[at] = this.#smoothedMs
    if (this.#count >= WINDOW) this.#slope = this.#fit()
  }

  reset(): void {
    this.#count = 0
    this.#accumulatedMs = this.#smoothedMs = this.#slope = 0
  }

  /** Least squares. All points at one instant have no slope: the last one stays. */
  #fit(): number {
    let sumAt = 0
    let sumDelay = 0
    for (let i = 0; i < WINDOW; i++) {
      sumAt += this.#atMs[i]!
      sumDelay += this.#delayMs[i]!
    }
    const meanAt = sumAt / WINDOW
    const meanDelay = sumDelay / WINDOW
    let over = 0
    let under = 0
    for (let i = 0; i < WINDOW; i++) {
      const x = this.#atMs[i]! - meanAt
      over += x * (this.#delayMs[i]! - meanDelay)
      under += x * x
    }
    return under === 0 ? this.#slope : over / under
  }
}
