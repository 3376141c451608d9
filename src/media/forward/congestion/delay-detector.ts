/**
 * The delay-based half of congestion control for the packets of one path: tells from sending and arrival times
 * whether a queue is building up. Works for either end: with times of transport-wide feedback at a sender, or of
 * abs-send-time at a receiver.
 */
import { InterArrival } from './inter-arrival.js'
import { OveruseDetector, type Usage } from './overuse-detector.js'
import { Trendline } from './trendline.js'

/** After so long without a packet nothing is known any more. */
const SILENCE_MS = 2000

export class DelayDetector {
  readonly #groups = new InterArrival()
  readonly #trendline = new Trendline()
  readonly #detector = new OveruseDetector()
  #lastMs = Number.NEGATIVE_INFINITY

  get usage(): Usage {
    return this.#detector.usage
  }

  /** As of `Trendline.slope`, for figures. */
  get slope(): number {
    return this.#trendline.slope
  }

  /**
   * One packet that arrived. Packets come in the order of sending; late ones are passed over.
   * @param sentMs by the sender's clock, growing without wraps @param arrivedMs by the receiver's clock
   * @param nowMs our clock as we hear of it: equals `arrivedMs` at a receiver
   */
  add(sentMs: number, arrivedMs: number, nowMs: number): Usage {
    if (nowMs - this.#lastMs > SILENCE_MS) this.reset()
    this.#lastMs = nowMs
    if (!this.#groups.add(sentMs, arrivedMs, nowMs)) return this.usage
    const { sendDeltaMs, arrivalDeltaMs } = this.#groups
    this.#trendline.add(arrivalDeltaMs - sendDeltaMs, arrivedMs)
    return this.#detector.detect(this.#trendline.slope, this.#trendline.count, sendDeltaMs, arrivedMs)
  }

  /** A packet came whose delay says nothing: those before and behind it are not compared. */
  skip(): void {
    this.#groups.reset()
  }

  reset(): void {
    this.#groups.reset()
    this.#trendline.reset()
    this.#detector.reset()
  }
}
