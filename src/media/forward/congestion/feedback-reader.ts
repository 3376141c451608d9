/**
 * Transport-wide feedback of a receiver against what was sent: which packets arrived when, which are lost. Feedback
 * is hostile input: numbers that were never sent, repetitions and changes of mind are counted and left out.
 */
import { ARRIVAL_UNIT_US, ARRIVALS_PER_REFERENCE, type ArrivalFeedback, NOT_RECEIVED } from '../../rtp/rtcp/index.js'
import { Fate, type SentPackets } from './sent-packets.js'

/** Statuses taken out of one feedback packet; receivers send one every 50 to 250 ms. */
export const MAX_STATUSES = 4096
/** Where to read arrivals to, for `readArrivalFeedback`. */
export const arrivals = new Int32Array(MAX_STATUSES)

/** Packets that one feedback packet newly tells of, in the order of sending. One object serves all. */
export class Acknowledged {
  count = 0
  readonly sentMs = new Float64Array(MAX_STATUSES)
  /** By the receiver's clock, of any beginning. */
  readonly arrivedMs = new Float64Array(MAX_STATUSES)
  readonly bytes = new Uint16Array(MAX_STATUSES)
  readonly clusters = new Uint8Array(MAX_STATUSES)
  /** Newly lost, less those that were thought lost and did arrive. */
  lost = 0
}

export class FeedbackReader {
  #reference = Number.NaN
  /** Statuses about numbers that were never sent or are forgotten; such that say again what was known. */
  unknown = 0
  repeated = 0

  /**
   * @param times `times[i]` is about number `feedback.baseSeq + i`, as `readArrivalFeedback` fills it
   * @param out is overwritten
   */
  read(feedback: ArrivalFeedback, times: Int32Array, sent: SentPackets, out: Acknowledged): void {
    const referenceMs = this.#unwrap(feedback.referenceTime) * ((ARRIVALS_PER_REFERENCE * ARRIVAL_UNIT_US) / 1000)
    out.count = 0
    out.lost = 0
    for (let i = 0; i < feedback.statusCount; i++) {
      const seq = (feedback.baseSeq + i) & 0xffff
      if (sent.age(seq) < 0) {
        this.unknown++
        continue
      }
      const known = sent.fateOf(seq)
      const time = times[i]!
      if (time === NOT_RECEIVED) {
        if (known !== Fate.unknown) continue
        sent.settle(seq, Fate.lost)
        out.lost++
        continue
      }
      if (known === Fate.arrived) {
        this.repeated++
        continue
      }
      if (known === Fate.lost) out.lost--
      sent.settle(seq, Fate.arrived)
      const at = out.count++
      out.sentMs[at] = sent.sentMsOf(seq)
      out.arrivedMs[at] = referenceMs + (time * ARRIVAL_UNIT_US) / 1000
      out.bytes[at] = sent.bytesOf(seq)
      out.clusters[at] = sent.clusterOf(seq)
    }
  }

  /** The reference time without the wraps of its 24 bits (every 12 days). */
  #unwrap(referenceTime: number): number {
    const delta = Number.isNaN(this.#reference) ? 0 : ((referenceTime - this.#reference) << 8) >> 8
    this.#reference = Number.isNaN(this.#reference) ? referenceTime : this.#reference + delta
    return this.#reference
  }
}
