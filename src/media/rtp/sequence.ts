/**
 * Serial-number arithmetic (RFC 1982) for RTP's 16-bit sequence numbers and 32-bit timestamps.
 *
 * An `ext…` value is the wire value plus its wraps: a plain integer that only compares and subtracts. It is
 * negative for packets from before the first one of a stream that began near 0. Up to 2^48 nothing loses a bit.
 */

/** Signed distance from `from` to `to`, −32768…32767. */
export function seqDelta(to: number, from: number): number {
  return ((to - from) << 16) >> 16
}

/**
 * The extended number nearest to `lastExtSeq` whose low 16 bits are `seq`.
 * @param lastExtSeq the highest or last extended number seen of this stream
 * @param seq 0–65535
 */
export function unwrapSeq(lastExtSeq: number, seq: number): number {
  return lastExtSeq + seqDelta(seq, lastExtSeq % 0x10000)
}

/** Whether `timestamp` comes after `than` on the 32-bit circle. Exactly half a circle apart is not newer. */
export function timestampNewer(timestamp: number, than: number): boolean {
  return ((timestamp - than) | 0) > 0
}

/** Signed distance from `from` to `to`, −2^31…2^31−1. */
export function timestampDelta(to: number, from: number): number {
  return (to - from) | 0
}
