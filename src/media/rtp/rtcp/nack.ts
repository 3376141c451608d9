/**
 * Generic NACK (RFC 4585 §6.2.1): entries of a lost packet's sequence number (PID) and a bitmask of the 16
 * that follow it (BLP; bit 0 is PID + 1).
 *
 * ```
 * | feedback header, PT=205 FMT=1, both SSRCs                     |
 * |             PID               |             BLP               |  × n
 * ```
 */
import { readU16, writeU16 } from '../big-endian.js'
import { type RtcpCursor, RtcpType, TransportFeedback } from './cursor.js'
import { FEEDBACK_BYTES, FEEDBACK_SSRC_BYTES, isFeedback, writeFeedback } from './feedback.js'

const { rtpfb } = RtcpType
const { nack } = TransportFeedback

export function isNack(c: RtcpCursor): boolean {
  return isFeedback(c, rtpfb, nack)
}

/** How many numbers the NACK under the cursor names; 0 for anything but a NACK. */
export function nackCount(c: RtcpCursor): number {
  if (!isNack(c)) return 0
  const end = c.bodyOffset + c.bodyLength
  let count = 0
  for (let at = c.bodyOffset + FEEDBACK_SSRC_BYTES; at + 4 <= end; at += 4) {
    count += 1 + bits[c.bytes[at + 2]!]! + bits[c.bytes[at + 3]!]!
  }
  return count
}

/** How many bits of a byte are set. */
const bits = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

/**
 * Expands the NACK under the cursor into `seqs`, in the order of the packet.
 * @param most as many as that, and as `seqs` has room for
 * @returns how many were written: the rest is left out; 0 for anything but a NACK
 */
export function readNack(c: RtcpCursor, seqs: Uint16Array, most: number = seqs.length): number {
  if (!isNack(c)) return 0
  const end = c.bodyOffset + c.bodyLength
  const room = Math.min(most, seqs.length)
  let count = 0
  for (let at = c.bodyOffset + FEEDBACK_SSRC_BYTES; at + 4 <= end && count < room; at += 4) {
    const pid = readU16(c.bytes, at)
    seqs[count++] = pid
    for (let mask = readU16(c.bytes, at + 2), seq = pid + 1; mask !== 0 && count < room; mask >>= 1, seq++) {
      if ((mask & 1) !== 0) seqs[count++] = seq
    }
  }
  return count
}

/**
 * Writes a NACK for the first `count` of `seqs`.
 * @param seqs 16-bit numbers in ascending order of the stream, which may run across 65535 → 0; `count` ≥ 1
 * @param maxLength the packet never becomes longer than this
 * @returns its length in bytes; with `maxLength` too small for all, the newest are left out
 */
export function writeNack(
  bytes: Uint8Array,
  offset: number,
  senderSsrc: number,
  mediaSsrc: number,
  seqs: Uint16Array | readonly number[],
  count: number = seqs.length,
  maxLength: number = bytes.length - offset,
): number {
  let length = FEEDBACK_BYTES
  for (let i = 0; i < count && length + 4 <= maxLength; length += 4) {
    const pid = seqs[i++]!
    let mask = 0
    for (; i < count; i++) {
      const ahead = (seqs[i]! - pid) & 0xffff
      if (ahead > 16) break
      if (ahead > 0) mask |= 1 << (ahead - 1)
    }
    writeU16(bytes, offset + length, pid)
    writeU16(bytes, offset + length + 2, mask)
  }
  writeFeedback(bytes, offset, rtpfb, nack, length, senderSsrc, mediaSsrc)
  return length
}
