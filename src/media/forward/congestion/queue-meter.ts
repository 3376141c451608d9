/**
 * What a link lets through while packets wait before it: that is what it holds. The rate at which packets arrive on
 * average says less, since most of the time less is sent than would get through.
 *
 * ```
 * delay beyond the least   ──╮      ╭───╮
 *                             ╰─────╯   ╰────   busy: bytes that arrived from ├ to ┤, by the time between
 *                                   ├───┤
 * ```
 */

/** A packet that was this much longer on its way than the fastest one waited for others. */
const BUSY_MS = 5
/** The least delay is that of the last one to two of these: clocks drift, and routes change. */
const LEAST_MS = 10_000
/** Shorter and smaller than this a busy time says nothing. */
const MIN_SPAN_MS = 50
const MIN_PACKETS = 4
/** A longer one is measured in parts: links change. */
const MAX_SPAN_MS = 300
/** What was measured is true for so long. */
const FRESH_MS = 500

export class QueueMeter {
  #leastMs = Number.POSITIVE_INFINITY
  #leastBeforeMs = Number.POSITIVE_INFINITY
  #leastSinceMs = Number.NaN
  #beganMs = Number.NaN
  #lastMs = Number.NaN
  #bytes = 0
  #packets = 0
  #bps = Number.NaN
  #measuredMs = Number.NEGATIVE_INFINITY
  /** How much longer than the fastest of late the last packet was on its way. */
  queueMs = 0

  /**
   * One packet that arrived.
   * @param sentMs by the sender's clock @param arrivedMs by the receiver's; they need not agree
   */
  add(sentMs: number, arrivedMs: number, bytes: number): void {
    const delayMs = arrivedMs - sentMs
    this.#follow(delayMs, arrivedMs)
    this.queueMs = delayMs - Math.min(this.#leastMs, this.#leastBeforeMs)
    if (this.queueMs <= BUSY_MS) {
      this.#beganMs = Number.NaN
      return
    }
    // The first one says when the link was free for the others.
    if (Number.isNaN(this.#beganMs) || arrivedMs < this.#lastMs) return this.#begin(arrivedMs)
    this.#lastMs = arrivedMs
    this.#bytes += bytes
    this.#packets++
    const spanMs = arrivedMs - this.#beganMs
    if (spanMs < MIN_SPAN_MS || this.#packets < MIN_PACKETS) return
    this.#bps = (this.#bytes * 8000) / spanMs
    this.#measuredMs = arrivedMs
    if (spanMs > MAX_SPAN_MS) this.#begin(arrivedMs)
  }

  /** What came through in bit/s while packets waited, a moment before the last one arrived; NaN = none did. */
  get busyBps(): number {
    return this.#lastMs - this.#measuredMs <= FRESH_MS ? this.#bps : Number.NaN
  }

  #begin(arrivedMs: number): void {
    this.#beganMs = this.#lastMs = arrivedMs
    this.#bytes = this.#packets = 0
  }

  #follow(delayMs: number, arrivedMs: number): void {
    if (!(arrivedMs - this.#leastSinceMs < LEAST_MS)) {
      this.#leastBeforeMs = this.#leastMs
      this.#leastMs = delayMs
      this.#leastSinceMs = arrivedMs
    } else this.#leastMs = Math.min(this.#leastMs, delayMs)
  }
}
