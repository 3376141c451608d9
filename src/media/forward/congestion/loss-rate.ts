/**
 * The rate that follows the loss: above 10 % of loss it shrinks, below 2 % it grows (draft-ietf-rmcat-gcc-02 §6).
 *
 * That rule alone starves on links that lose packets whatever is sent, such as bad radio. What is lost at every rate
 * is no sign of congestion: the median of the last windows counts as the link's own loss, and only what goes beyond
 * it as too much. Congestion shows all the same: it begins with windows that are worse than the median, and is over,
 * by the shrinking, before they are the majority.
 */
import type { RateBounds } from './aimd-rate.js'

/** A window ends after so long, if so many packets are in it. */
const WINDOW_MS = 500
const WINDOW_PACKETS = 20
/** Windows that the link's own loss is the median of. */
const WINDOWS = 10
const HIGH_LOSS = 0.1
const LOW_LOSS = 0.02
const GROWTH = 1.08
/** Above this nothing is taken for the link's own: nobody has a call over it. */
const MAX_OWN_LOSS = 0.3

export class LossRate {
  readonly #bounds: RateBounds
  readonly #windows: number[] = []
  #rateBps: number
  #received = 0
  #lost = 0
  #windowMs = Number.NaN
  #share = 0
  #reducedMs = Number.NEGATIVE_INFINITY

  /** No limit before loss says so. */
  constructor(bounds: RateBounds) {
    this.#bounds = bounds
    this.#rateBps = bounds.maxBps
  }

  /** `maxBps` of the bounds while loss limits nothing. */
  get rateBps(): number {
    return this.#rateBps
  }

  /** Share lost in the last window, 0…1. */
  get share(): number {
    return this.#share
  }

  /** The part of it that the link loses at any rate. */
  get ownShare(): number {
    if (this.#windows.length < WINDOWS / 2) return 0
    const sorted = this.#windows.toSorted((a, b) => a - b)
    return Math.min(MAX_OWN_LOSS, sorted[sorted.length >> 1]!)
  }

  get reducedMs(): number {
    return this.#reducedMs
  }

  /**
   * @param lost may be negative: thought lost before @param estimateBps what the other half allows now
   * @param floorBps what comes through all the same: never less than this
   */
  add(received: number, lost: number, estimateBps: number, nowMs: number, floorBps = 0): void {
    this.#received += received
    this.#lost += lost
    if (Number.isNaN(this.#windowMs)) this.#windowMs = nowMs
    const total = this.#received + Math.max(0, this.#lost)
    if (nowMs - this.#windowMs < WINDOW_MS || total < WINDOW_PACKETS) return
    const seconds = (nowMs - this.#windowMs) / 1000
    this.#share = Math.max(0, this.#lost) / total
    this.#react(estimateBps, floorBps, seconds, nowMs)
    this.#windows.push(this.#share)
    if (this.#windows.length > WINDOWS) this.#windows.shift()
    this.#received = this.#lost = 0
    this.#windowMs = nowMs
  }

  /** A probe or a lasting absence of loss showed more. */
  atLeast(bps: number): void {
    this.#rateBps = Math.min(this.#bounds.maxBps, Math.max(this.#rateBps, bps))
  }

  #react(estimateBps: number, floorBps: number, seconds: number, nowMs: number): void {
    const own = this.ownShare
    const excess = Math.max(0, (this.#share - own) / (1 - own))
    if (excess > HIGH_LOSS) {
      const from = Math.min(this.#rateBps, estimateBps)
      this.#rateBps = Math.max(this.#bounds.minBps, Math.min(from, floorBps), from * (1 - excess / 2))
      this.#reducedMs = nowMs
    } else if (excess < LOW_LOSS + own / 2) {
      this.#rateBps = Math.min(this.#bounds.maxBps, this.#rateBps * GROWTH ** Math.min(5, seconds / 0.5))
    }
  }
}
