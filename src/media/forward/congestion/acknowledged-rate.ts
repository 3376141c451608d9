/**
 * At what rate packets arrive at the other end, smoothed: a sample of 150 ms that differs much counts for less than
 * one that fits (libwebrtc's `BitrateEstimator`), unless two in a row say that it is quite another.
 */

/** Lengths of the first sample, and of the others. */
const FIRST_WINDOW_MS = 500
const WINDOW_MS = 150
const UNCERTAINTY = 10
const FIRST_VARIANCE = 50
/** Added to the variance with each sample: what was learnt grows old. */
const DRIFT = 5
const SMALL_KBPS = 25
/** So many samples in a row of less than half, or more than double: it is another rate, and not approached slowly. */
const CHANGED_SAMPLES = 2

export class AcknowledgedRate {
  #kbps = Number.NaN
  #variance = FIRST_VARIANCE
  #bytes = 0
  #windowMs = 0
  #lastMs = Number.NaN
  /** Samples in a row that were far below (negative) or above. */
  #far = 0

  /** bit/s; NaN = not known yet. */
  get bps(): number {
    return this.#kbps * 1000
  }

  /** A packet of `bytes` arrived at `arrivedMs`, by the receiver's clock. */
  add(arrivedMs: number, bytes: number): void {
    const windowMs = Number.isNaN(this.#kbps) ? FIRST_WINDOW_MS : WINDOW_MS
    const kbps = this.#sample(arrivedMs, bytes, windowMs)
    if (kbps < 0) return
    if (kbps < this.#kbps / 2) this.#far = Math.min(0, this.#far) - 1
    else if (kbps > this.#kbps * 2) this.#far = Math.max(0, this.#far) + 1
    else this.#far = 0
    if (Number.isNaN(this.#kbps) || Math.abs(this.#far) >= CHANGED_SAMPLES) {
      this.#kbps = kbps
      this.#variance = FIRST_VARIANCE
      this.#far = 0
      return
    }
    const uncertainty =
      (UNCERTAINTY * Math.abs(this.#kbps - kbps)) / Math.max(1, this.#kbps + Math.min(kbps, SMALL_KBPS))
    const sampleVariance = uncertainty * uncertainty
    const predicted = this.#variance + DRIFT
    this.#kbps = (sampleVariance * this.#kbps + predicted * kbps) / (sampleVariance + predicted)
    this.#variance = (sampleVariance * predicted) / (sampleVariance + predicted)
  }

  reset(): void {
    this.#kbps = this.#lastMs = Number.NaN
    this.#variance = FIRST_VARIANCE
    this.#bytes = this.#windowMs = 0
  }

  /** @returns the rate of a window that is over, or −1 */
  #sample(arrivedMs: number, bytes: number, windowMs: number): number {
    if (arrivedMs < this.#lastMs - windowMs) {
      // Another clock.
      this.#bytes = this.#windowMs = 0
      this.#lastMs = arrivedMs
    }
    let kbps = -1
    if (!Number.isNaN(this.#lastMs)) {
      const elapsedMs = Math.max(0, arrivedMs - this.#lastMs)
      this.#windowMs += elapsedMs
      if (elapsedMs > windowMs) {
        // A pause says nothing about the link.
        this.#bytes = 0
        this.#windowMs %= windowMs
      }
      if (this.#windowMs >= windowMs) {
        kbps = (this.#bytes * 8) / windowMs
        this.#windowMs -= windowMs
        this.#bytes = 0
      }
    }
    this.#lastMs = Number.isNaN(this.#lastMs) ? arrivedMs : Math.max(this.#lastMs, arrivedMs)
    this.#bytes += bytes
    return kbps
  }
}
