/**
 * One direction of a bad link, without sockets and in whatever time it is told: holds packets for as long as the
 * simulated link says, so that a real browser meets the same conditions as the tests in virtual time.
 */
import { type LinkConditions, perfectLink, SimulatedLink } from '../../../src/media/io/simulated-link.js'

/** What is wrong; what is left out is not. */
export type Impairment = Partial<LinkConditions>

export interface DirectionCounts {
  offered: number
  /** Arrived at the other end, duplicates included. */
  delivered: number
  /** UDP payload. */
  deliveredBytes: number
  /** By chance. */
  lost: number
  /** At the full queue. */
  overflow: number
  duplicated: number
}

interface Flying<P> {
  packet: P
  bytes: number
  dueMs: number
}

export class ImpairedDirection<P> {
  readonly counts: DirectionCounts = {
    offered: 0,
    delivered: 0,
    deliveredBytes: 0,
    lost: 0,
    overflow: 0,
    duplicated: 0,
  }
  readonly #random: () => number
  readonly #link = new SimulatedLink({ delayMs: 0 })
  /** By `dueMs`. */
  readonly #flying: Flying<P>[] = []

  /** @param random gives 0…1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** From now on; packets on their way are not touched. */
  impair(impairment: Impairment): void {
    this.#link.conditions = { ...perfectLink, delayMs: 0, ...impairment }
  }

  /** How long a packet that comes now would wait for its turn. */
  queueMs(nowMs: number): number {
    return this.#link.queueMs(nowMs)
  }

  /** A packet of `bytes` of UDP payload comes. */
  offer(packet: P, bytes: number, nowMs: number): void {
    const { counts } = this
    const random = this.#random
    // Drawn for every packet, whatever happens to it: changing one condition leaves the chances of others alone.
    const chances = { loss: random(), jitter: random(), reorder: random(), duplicate: random() }
    counts.offered++
    const dueMs = this.#link.send(nowMs, bytes, chances)
    const { fate } = this.#link
    if (fate !== 'arrived') {
      counts[fate]++
      return
    }
    this.#fly({ packet, bytes, dueMs })
    if (!this.#link.twice(chances)) return
    counts.duplicated++
    this.#fly({ packet, bytes, dueMs })
  }

  /** When `take` has something next; infinite when there is nothing. */
  nextMs(): number {
    return this.#flying[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Calls `deliver` with what has arrived at the other end, and with how late this call is. */
  take(nowMs: number, deliver: (packet: P, lateMs: number) => void): void {
    while (this.nextMs() <= nowMs) {
      const { packet, bytes, dueMs } = this.#flying.shift()!
      this.counts.delivered++
      this.counts.deliveredBytes += bytes
      deliver(packet, nowMs - dueMs)
    }
  }

  #fly(flying: Flying<P>): void {
    let at = this.#flying.length
    while (at > 0 && this.#flying[at - 1]!.dueMs > flying.dueMs) at--
    this.#flying.splice(at, 0, flying)
  }
}
