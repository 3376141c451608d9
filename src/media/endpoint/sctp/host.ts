/** What associations need of whoever has them: a media worker, or a client made of code. */
import { sctpReasonNames } from './packet.js'

export interface SctpHost {
  /**
   * Uniform uint32 that nobody can foresee: verification tags, first TSNs, cookies and the nonces of heartbeats are made
   * of it (RFC 9260 §5.3.1, §5.1.3). The same row of them makes the same packets.
   */
  random(): number
  /** What was not taken or not sent, in the order of `sctpReasonNames`; all associations of the host add to it. */
  readonly counts: Float64Array
}

/** Counts of a host that has seen nothing yet. */
export const newSctpCounts = (): Float64Array => new Float64Array(sctpReasonNames.length)
