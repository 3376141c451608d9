/**
 * What the path from a publisher holds, for one that does not estimate it by itself: from the delay between packets, as
 * abs-send-time or RTP timestamps show it, and from the loss. As long as neither speaks against it, anything.
 */
import { AcknowledgedRate } from './acknowledged-rate.js'
import { AimdRate } from './aimd-rate.js'
import { DelayDetector } from './delay-detector.js'
import { LossRate } from './loss-rate.js'

const MIN_BPS = 100_000
/** So often the rate may grow. */
const UPDATE_MS = 100
/**
 * Packets are looked at some together: the arithmetic is little, but of a packet that comes alone, after some milliseconds,
 * most of it would be waiting for the caches. No packet waits for longer than this for the next one to be looked at.
 */
const TOGETHER_MS = 20
const MAX_TOGETHER = 64

export class ReceiveEstimate {
  readonly #detector = new DelayDetector()
  readonly #received = new AcknowledgedRate()
  readonly #delay: AimdRate
  readonly #loss: LossRate
  readonly #maxBps: number
  #updatedMs = Number.NEGATIVE_INFINITY
  /** Packets that were not looked at yet. */
  readonly #arrivedMs = new Float64Array(MAX_TOGETHER)
  readonly #sentMs = new Float64Array(MAX_TOGETHER)
  readonly #bytes = new Float64Array(MAX_TOGETHER)
  #count = 0

  /** @param maxBps what is estimated at most, and before anything is known */
  constructor(maxBps: number) {
    const bounds = { startBps: maxBps, minBps: Math.min(MIN_BPS, maxBps), maxBps }
    this.#maxBps = maxBps
    this.#delay = new AimdRate(bounds)
    this.#loss = new LossRate(bounds)
  }

  /** bit/s. */
  get rateBps(): number {
    return Math.min(this.#delay.rateBps, this.#loss.rateBps)
  }

  /** Whether the path showed that it does not hold everything. */
  get limited(): boolean {
    return this.rateBps < this.#maxBps
  }

  /**
   * One packet.
   * @param arrivedMs by any clock
   * @param sentMs by the sender's clock, without wraps; NaN when the packet does not say
   * @param length in bytes
   * @returns whether the estimate fell because of it, or of those before it; the publisher should hear of that soon
   */
  arrived(arrivedMs: number, sentMs: number, length: number): boolean {
    const at = this.#count++
    this.#arrivedMs[at] = arrivedMs
    this.#sentMs[at] = sentMs
    this.#bytes[at] = length
    if (this.#count < MAX_TOGETHER && arrivedMs - this.#arrivedMs[0]! < TOGETHER_MS) return false
    return this.#look()
  }

  #look(): boolean {
    let fell = false
    for (let at = 0; at < this.#count; at++) {
      if (this.#add(this.#arrivedMs[at]!, this.#sentMs[at]!, this.#bytes[at]!)) fell = true
    }
    this.#count = 0
    return fell
  }

  #add(nowMs: number, sentMs: number, length: number): boolean {
    this.#received.add(nowMs, length)
    if (Number.isNaN(sentMs)) return false
    const usage = this.#detector.add(sentMs, nowMs, nowMs)
    if (usage !== 'over' && nowMs - this.#updatedMs < UPDATE_MS) return false
    this.#updatedMs = nowMs
    const before = this.#delay.rateBps
    this.#delay.update(usage, this.#received.bps, 0, nowMs)
    return this.#delay.rateBps < before
  }

  /** What a report says about the time since the one before. */
  reported(received: number, lost: number, nowMs: number): void {
    this.#loss.add(received, lost, this.#delay.rateBps, nowMs)
  }
}
