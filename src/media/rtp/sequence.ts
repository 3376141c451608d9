/**
 * Serial-number arithmetic (RFC 1982) for RTP's 16-bit sequence numbers and 32-bit timestamps.
 *
 * An `ext…` value is the wire value plus its wraps: a plain integer that only compares and subtracts. It is
 * negative for packets from before the first one of a stream that began near 0. Up to 2^48 nothing loses a bit.
 */

/** Whether `seq` comes after `than` on the 16-bit circle. Exactly half a circle apart is not newer. */
export function seqNewer(seq: number, than: number): boolean {
  const ahead = (seq - than) & 0xffff
  return ahead !== 0 && ahead < 0x8000
}

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

/** The extended timestamp nearest to `lastExtTimestamp` whose low 32 bits are `timestamp` (0…2^32−1). */
export function unwrapTimestamp(lastExtTimestamp: number, timestamp: number): number {
  return lastExtTimestamp + timestampDelta(timestamp, lastExtTimestamp % 0x100000000)
}
