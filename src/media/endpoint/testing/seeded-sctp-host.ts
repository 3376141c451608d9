/** A host of associations in tests: the same numbers for the same seed, and counts of its own. */
import { newSctpCounts, type SctpHost } from '../sctp/host.js'
import { sctpReasonNames } from '../sctp/packet.js'

export class SeededSctpHost implements SctpHost {
  readonly counts = newSctpCounts()
  #state: number

  constructor(seed = 1) {
    this.#state = seed
  }

  /** Uniform uint32 (mulberry32). */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }

  /** How much was counted under that name. */
  count(name: (typeof sctpReasonNames)[number]): number {
    return this.counts[sctpReasonNames.indexOf(name)]!
  }
}
