/**
 * One direction of a path in virtual time: a queue in front of a rate, then delay, and chance. Pure: the time and
 * the chances of each datagram are arguments, the answer is when it arrives.
 *
 * ```ts
 * const link = new SimulatedLink({ ...perfectLink, rateBps: 300_000, queueMs: 300 })
 * const arrivalMs = link.send(nowMs, 1200, chances)   // NaN: lost
 * link.conditions = { ...link.conditions, rateBps: 3_000_000 }
 * ```
 */

/** One direction between two hosts. */
export interface LinkConditions {
  /** Share of datagrams lost, 0–1; with `burst` at most. */
  loss: number
  /**
   * Mean number of datagrams lost in a row (Gilbert's model); 0 = each on its own. `loss` is their share of steady traffic: a pause
   * of 200 ms ends a row, so that a sender who falls silent for it loses less.
   */
  burst: number
  delayMs: number
  /** Up to this much more, evenly spread; keeps the order of datagrams. */
  jitterMs: number
  /** Share of datagrams, 0–1, that arrive `reorderMs` later than they would, behind others. */
  reorder: number
  reorderMs: number
  /** Share of datagrams that arrive twice, 0–1. */
  duplicate: number
  /** Bits per second, IP and UDP headers included. */
  rateBps: number
  /** A datagram that would wait longer than this for the rate is lost. */
  queueMs: number
}

export const perfectLink: LinkConditions = {
  loss: 0,
  burst: 0,
  delayMs: 1,
  jitterMs: 0,
  reorder: 0,
  reorderMs: 10,
  duplicate: 0,
  rateBps: Number.POSITIVE_INFINITY,
  queueMs: 200,
}

/** What makes a path lose datagrams in a row is over by then: who sends rarely does not meet the same burst again and again. */
const BURST_ENDS_MS = 200

/** Headers of IPv4 and UDP. */
const HEADERS_BYTES = 28

export type LinkFate = 'arrived' | 'lost' | 'overflow'

/** Four numbers of [0, 1): what becomes of one datagram. */
export interface LinkChances {
  loss: number
  jitter: number
  reorder: number
  duplicate: number
}

export class SimulatedLink {
  conditions: LinkConditions
  /** What became of the datagram that was sent last. */
  fate: LinkFate = 'arrived'
  /** Datagrams by fate, and what was sent through the rate in bytes, headers included. */
  readonly figures = { arrived: 0, lost: 0, overflow: 0, bytes: 0 }
  #busyUntilMs = 0
  /** Arrival of the latest datagram that keeps the order. */
  #lastArrivalMs = 0
  /** Whether the datagram before was lost. */
  #losing = false
  #sentAtMs = Number.NEGATIVE_INFINITY

  constructor(conditions: Partial<LinkConditions> = {}) {
    this.conditions = { ...perfectLink, ...conditions }
  }

  /** How long a datagram that is sent now waits for those before it. */
  queueMs(nowMs: number): number {
    return Math.max(0, this.#busyUntilMs - nowMs)
  }

  /**
   * Sends a datagram.
   * @param bytes of its UDP payload
   * @returns when it arrives, NaN when it does not (`fate` says why); `twice` says whether once more at that time
   */
  send(nowMs: number, bytes: number, chances: LinkChances): number {
    const { conditions, figures } = this
    const queueMs = this.queueMs(nowMs)
    if (queueMs > conditions.queueMs) return this.#end('overflow')
    figures.bytes += bytes + HEADERS_BYTES
    this.#busyUntilMs = nowMs + queueMs + ((bytes + HEADERS_BYTES) * 8000) / conditions.rateBps
    if (nowMs - this.#sentAtMs > BURST_ENDS_MS) this.#losing = false
    this.#sentAtMs = nowMs
    if (this.#loses(chances.loss)) return this.#end('lost')
    this.#end('arrived')
    const arrivalMs = this.#busyUntilMs + conditions.delayMs + chances.jitter * conditions.jitterMs
    if (chances.reorder < conditions.reorder) return arrivalMs + conditions.reorderMs
    this.#lastArrivalMs = Math.max(arrivalMs, this.#lastArrivalMs)
    return this.#lastArrivalMs
  }

  /** Whether the datagram with these chances, sent last, arrives a second time. */
  twice(chances: LinkChances): boolean {
    return this.fate === 'arrived' && chances.duplicate < this.conditions.duplicate
  }

  /** With bursts: from a loss on, the next is lost too with 1 − 1/burst, and losses begin as rarely as `loss` wants. */
  #loses(chance: number): boolean {
    const { loss, burst } = this.conditions
    if (burst === 0 || loss === 0 || loss === 1) return chance < loss
    this.#losing = chance < (this.#losing ? 1 - 1 / burst : loss / (burst * (1 - loss)))
    return this.#losing
  }

  #end(fate: LinkFate): number {
    this.fate = fate
    this.figures[fate]++
    return Number.NaN
  }
}
