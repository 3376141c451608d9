/** One direction of a link in virtual time, for tests: a rate with a queue before it, delay, jitter and loss, seeded. */
import { seededRandom } from '../../../chance/mulberry32.js'

export interface LinkOptions {
  seed: number
  rateBps: number
  /** One way. */
  delayMs: number
  /** Up to this much more, evenly spread; the order stays. */
  jitterMs: number
  /** Share lost at random, 0–1. */
  loss: number
  /** What would wait longer for the rate is lost. */
  queueMs: number
}

const defaults: LinkOptions = { seed: 1, rateBps: 3_000_000, delayMs: 20, jitterMs: 0, loss: 0, queueMs: 500 }

export class Link {
  readonly options: LinkOptions
  #freeMs = 0
  #lastArrivalMs = 0

  constructor(options: Partial<LinkOptions> = {}) {
    this.options = { ...defaults, ...options }
    this.random = seededRandom(this.options.seed)
  }

  /** How long a packet that came now would wait. */
  queueMsAt(nowMs: number): number {
    return Math.max(0, this.#freeMs - nowMs)
  }

  /** @returns when it arrives, or −1 when it is lost */
  send(nowMs: number, bytes: number): number {
    const { rateBps, delayMs, jitterMs, loss, queueMs } = this.options
    const chance = this.random()
    const jitter = this.random() * jitterMs
    if (this.queueMsAt(nowMs) > queueMs) return -1
    this.#freeMs = Math.max(this.#freeMs, nowMs) + (bytes * 8000) / rateBps
    if (chance < loss) return -1
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#freeMs + delayMs + jitter)
    return this.#lastArrivalMs
  }

  /** 0 ≤ x < 1. */
  readonly random: () => number
}
