/**
 * When the packets of one publisher arrived, by their transport-wide number
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01): one number for all that the peer sends, retransmissions and
 * padding included. What has not been reported yet is told in feedback packets.
 *
 * ```
 *   #end − ARRIVALS         #begin                        #end
 *   … reported already …    | to be reported: 7 8 – – 11 |  next number expected
 * ```
 *
 * A packet that comes after its number was reported as lost takes `#begin` back: it is told again, with all that
 * follow. Numbers come from the network: a jump ahead forgets what no longer fits, one far back is not taken.
 */
import {
  ARRIVAL_UNIT_US,
  ARRIVALS_PER_REFERENCE,
  type ArrivalFeedback,
  NOT_RECEIVED,
} from '../../rtp/rtcp/transport-cc.js'
import { unwrapSeq } from '../../rtp/sequence.js'

/** Numbers remembered: more than two seconds at 10 Mbit/s. */
export const ARRIVALS = 2048
/** Most numbers that are told again because of one that came late. */
export const TOLD_AGAIN = 512
const UNITS_PER_MS = 1000 / ARRIVAL_UNIT_US
const NEVER = -1

/** What `arrived` says of a packet that does not come right after others. */
export const Arrival = {
  /** Behind others that were sent after it. */
  late: -1,
  /** There already, or too old to tell. */
  ignored: -2,
} as const

export class Arrivals {
  /** Arrival of number n at n % ARRIVALS, in units of 250 µs; `NEVER` = none. */
  readonly #units = new Float64Array(ARRIVALS).fill(NEVER)
  /** Extended numbers; `#end` is one past the highest that arrived. 0: nothing arrived yet. */
  #begin = 0
  #end = 0

  /** Numbers to report, lost ones included. */
  get pending(): number {
    return this.#end - this.#begin
  }

  /**
   * One packet.
   * @param seq 16 bits
   * @param arrivedMs ≥ 0
   * @returns how many numbers are missing right before it, or an `Arrival`
   */
  arrived(seq: number, arrivedMs: number): number {
    // One circle up, so that numbers from before the first one stay positive.
    if (this.#end === 0) this.#begin = this.#end = 0x10000 + seq
    const extSeq = unwrapSeq(this.#end - 1, seq)
    const at = extSeq % ARRIVALS
    if (extSeq >= this.#end) {
      const missing = extSeq - this.#end
      if (missing > 0) this.#skip(missing)
      this.#end = extSeq + 1
      this.#begin = Math.max(this.#begin, this.#end - ARRIVALS)
      this.#units[at] = Math.floor(arrivedMs * UNITS_PER_MS)
      return missing
    }
    if (extSeq < Math.max(0, this.#end - ARRIVALS, this.#begin - TOLD_AGAIN)) return Arrival.ignored
    if (this.#units[at] !== NEVER) return Arrival.ignored
    this.#units[at] = Math.floor(arrivedMs * UNITS_PER_MS)
    this.#begin = Math.min(this.#begin, extSeq)
    return Arrival.late
  }

  /**
   * What one feedback packet is to say next: sets `baseSeq` and `referenceTime`.
   * @param arrivals gets one entry per number as `writeArrivalFeedback` takes them, at most its length
   * @returns how many entries; 0 when nothing is to be reported
   */
  next(feedback: ArrivalFeedback, arrivals: Int32Array): number {
    let first = this.#begin
    while (first < this.#end && this.#units[first % ARRIVALS] === NEVER) first++
    if (first === this.#end) return 0
    const reference = Math.floor(this.#units[first % ARRIVALS]! / ARRIVALS_PER_REFERENCE)
    const count = Math.min(this.pending, arrivals.length)
    for (let i = 0; i < count; i++) {
      const units = this.#units[(this.#begin + i) % ARRIVALS]!
      arrivals[i] = units === NEVER ? NOT_RECEIVED : units - reference * ARRIVALS_PER_REFERENCE
    }
    feedback.baseSeq = this.#begin % 0x10000
    feedback.referenceTime = (reference << 8) >> 8
    return count
  }

  /** The first `count` numbers of what `next` said have been told. */
  reported(count: number): void {
    this.#begin = Math.min(this.#end, this.#begin + count)
  }

  /** The next `count` numbers have not arrived. */
  #skip(count: number): void {
    if (count >= ARRIVALS) {
      this.#units.fill(NEVER)
      return
    }
    const from = this.#end % ARRIVALS
    const to = from + count
    this.#units.fill(NEVER, from, Math.min(to, ARRIVALS))
    if (to > ARRIVALS) this.#units.fill(NEVER, 0, to - ARRIVALS)
  }
}
