/**
 * The rate that follows what the delay says: multiplicative increase far from the link's capacity, additive near it,
 * and 0.85 × what came through when the link is used too much (draft-ietf-rmcat-gcc-02 §5.5, libwebrtc's
 * `AimdRateControl`).
 */
import { LinkCapacity } from './link-capacity.js'
import type { Usage } from './overuse-detector.js'

export interface RateBounds {
  startBps: number
  minBps: number
  maxBps: number
}

/** Share of what came through that is kept when there was too much. */
const BACKOFF = 0.85
/** Growth per second far from the capacity. */
const GROWTH = 1.08
const MIN_GROWTH_BPS = 1000
/** Growth per second near the capacity is never less. */
const MIN_ADDED_BPS = 4000
/** Never above this much of what came through: who sends little learns nothing of a larger rate. */
const LEAD = 1.5
const LEAD_BPS = 10_000
/** A picture's packets, for the size of one. */
const FRAME_S = 1 / 30
const PACKET_BITS = 1200 * 8
/** Until a reaction to a change is seen: the round trip and this. */
const RESPONSE_MS = 100
const MIN_REDUCE_MS = 10
const MAX_REDUCE_MS = 200

export class AimdRate {
  readonly #bounds: RateBounds
  readonly capacity = new LinkCapacity()
  #rateBps: number
  #increasing = true
  #changedMs = Number.NaN
  /** Time of the last decrease; −Infinity = never. */
  #reducedMs = Number.NEGATIVE_INFINITY

  constructor(bounds: RateBounds) {
    this.#bounds = bounds
    this.#rateBps = bounds.startBps
  }

  get rateBps(): number {
    return this.#rateBps
  }

  get reducedMs(): number {
    return this.#reducedMs
  }

  /**
   * @param acknowledgedBps what came through lately; NaN = not known yet
   * @param rttMs 0 = unknown
   */
  update(usage: Usage, acknowledgedBps: number, rttMs: number, nowMs: number): void {
    if (Number.isNaN(this.#changedMs)) this.#changedMs = nowMs
    if (usage === 'over') {
      if (!this.#mayReduce(acknowledgedBps, rttMs, nowMs)) return
      this.#reduce(acknowledgedBps)
      this.#increasing = false
      this.#reducedMs = this.#changedMs = nowMs
    } else if (usage === 'under') {
      // The queue empties: the rate stays until it has.
      this.#increasing = false
    } else if (!this.#increasing) {
      this.#increasing = true
      this.#changedMs = nowMs
    } else {
      this.#increase(acknowledgedBps, rttMs, nowMs)
      this.#changedMs = nowMs
    }
  }

  /** Something else knows better: a probe, or the loss. Bounded. */
  set(bps: number, nowMs: number): void {
    this.#rateBps = this.#bound(bps)
    this.#changedMs = nowMs
  }

  /** What can be added per second near the capacity: one packet per time that it takes to see what became of it. */
  #addedBps(rttMs: number): number {
    const packets = Math.max(1, Math.ceil((this.#rateBps * FRAME_S) / PACKET_BITS))
    const packetBits = (this.#rateBps * FRAME_S) / packets
    return Math.max(MIN_ADDED_BPS, packetBits / ((2 * (rttMs + RESPONSE_MS)) / 1000))
  }

  #mayReduce(acknowledgedBps: number, rttMs: number, nowMs: number): boolean {
    const waitMs = Math.max(MIN_REDUCE_MS, Math.min(MAX_REDUCE_MS, rttMs))
    return nowMs - this.#reducedMs >= waitMs || acknowledgedBps < this.#rateBps / 2
  }

  #reduce(acknowledgedBps: number): void {
    if (Number.isNaN(acknowledgedBps)) {
      this.#rateBps = this.#bound(this.#rateBps / 2)
      return
    }
    let reduced = BACKOFF * acknowledgedBps
    if (reduced > this.#rateBps && this.capacity.known) reduced = BACKOFF * this.capacity.bps
    if (acknowledgedBps < this.capacity.lowerBps) this.capacity.forget()
    this.capacity.overused(acknowledgedBps)
    if (reduced < this.#rateBps) this.#rateBps = this.#bound(reduced)
  }

  #increase(acknowledgedBps: number, rttMs: number, nowMs: number): void {
    if (acknowledgedBps > this.capacity.upperBps) this.capacity.forget()
    const limitBps = Number.isNaN(acknowledgedBps) ? this.#rateBps : LEAD * acknowledgedBps + LEAD_BPS
    if (this.#rateBps >= limitBps) return
    const seconds = Math.min(1, Math.max(0, nowMs - this.#changedMs) / 1000)
    const growthBps = this.capacity.known
      ? this.#addedBps(rttMs) * seconds
      : Math.max(MIN_GROWTH_BPS * seconds, this.#rateBps * (GROWTH ** seconds - 1))
    this.#rateBps = this.#bound(Math.min(limitBps, this.#rateBps + growthBps))
  }

  #bound(bps: number): number {
    return Math.max(this.#bounds.minBps, Math.min(this.#bounds.maxBps, bps))
  }
}
