/**
 * Where the packets of one received stream stand: sequence numbers unwrapped, and jumps believed only when the next
 * packet confirms them (RFC 3550 appendix A.1).
 */
import { unwrapSeq } from '../rtp/sequence.js'
import { Drop } from './totals.js'

/** A jump ahead up to this is loss (RFC 3550 A.1); a larger one has to be confirmed by the next packet. */
const MAX_DROPOUT = 3000

/** What `place` answers when numbers begin anew: `begin` says where. */
export const JUMPED = Number.NEGATIVE_INFINITY

export class Placement {
  /** Newest number of this run; runs follow each other with a gap. */
  newestExtSeq = 0
  #begun = false
  /** The number that would confirm a jump (`bad_seq`), −1 = none. */
  #jumpSeq = -1

  /**
   * @param window how far behind the newest a packet may be
   * @returns the unwrapped number, −`Drop` for a packet that is too late or has jumped, or `JUMPED`
   */
  place(seq: number, window: number): number {
    if (!this.#begun) return JUMPED
    const extSeq = unwrapSeq(this.newestExtSeq, seq)
    const ahead = extSeq - this.newestExtSeq
    if (ahead <= MAX_DROPOUT && ahead > -window) {
      this.#jumpSeq = -1
      return extSeq
    }
    if (seq === this.#jumpSeq) return JUMPED
    this.#jumpSeq = (seq + 1) & 0xffff
    return ahead > 0 ? -Drop.jump : -Drop.late
  }

  /**
   * Numbers begin anew at `seq`. Runs begin on a multiple of 2^16, so far apart that no number of one can be taken for
   * one of another.
   * @returns its unwrapped number, at least 2^17
   */
  begin(seq: number): number {
    this.#begun = true
    this.#jumpSeq = -1
    const extSeq = (Math.floor(this.newestExtSeq / 0x10000) + 2) * 0x10000 + seq
    this.newestExtSeq = extSeq - 1
    return extSeq
  }

  /** The next packet begins another run, whatever its number. */
  reset(): void {
    this.#begun = false
  }
}
