/** A host of associations in tests: the same numbers for the same seed, and counts of its own. */

import { mulberry32 } from '../../chance/mulberry32.js'
import { newSctpCounts, type SctpHost } from '../sctp/host.js'
import { sctpReasonNames } from '../sctp/packet.js'

export class SeededSctpHost implements SctpHost {
  readonly counts = newSctpCounts()
  /** Uniform uint32. */
  readonly random: () => number

  constructor(seed = 1) {
    this.random = mulberry32(seed)
  }

  /** How much was counted under that name. */
  count(name: (typeof sctpReasonNames)[number]): number {
    return this.counts[sctpReasonNames.indexOf(name)]!
  }
}
