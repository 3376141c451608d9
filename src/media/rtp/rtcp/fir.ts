/**
 * Full intra request (RFC 5104 §4.3.1). The media source of the header is unused (0); each entry names its own.
 *
 * ```
 * | feedback header, PT=206 FMT=4, SSRC of sender, 0              |
 * |                  SSRC of the stream to refresh                |  × n
 * | Seq nr.       |    reserved = 0                               |
 * ```
 */
import { readU32, writeU32 } from '../big-endian.js'
import { PayloadFeedback, type RtcpCursor, RtcpType } from './cursor.js'
import { FEEDBACK_BYTES, FEEDBACK_SSRC_BYTES, isFeedback, writeFeedback } from './feedback.js'

const ENTRY_BYTES = 8

/** How many entries the FIR under the cursor holds; 0 for anything else. */
export function firCount(c: RtcpCursor): number {
  if (!isFeedback(c, RtcpType.psfb, PayloadFeedback.fir)) return 0
  return Math.floor((c.bodyLength - FEEDBACK_SSRC_BYTES) / ENTRY_BYTES)
}

/** The stream that entry `index` (0 … `firCount(c)` − 1) wants refreshed. */
export function firSsrc(c: RtcpCursor, index: number): number {
  return readU32(c.bytes, c.bodyOffset + FEEDBACK_SSRC_BYTES + index * ENTRY_BYTES)
}

/** Writes a FIR with one entry. @param command 8 bits, one more for each new request. @returns its length, 20 bytes */
export function writeFir(
  bytes: Uint8Array,
  offset: number,
  senderSsrc: number,
  mediaSsrc: number,
  command: number,
): number {
  const length = FEEDBACK_BYTES + ENTRY_BYTES
  writeFeedback(bytes, offset, RtcpType.psfb, PayloadFeedback.fir, length, senderSsrc, 0)
  writeU32(bytes, offset + 12, mediaSsrc)
  writeU32(bytes, offset + 16, 0)
  bytes[offset + 16] = command
  return length
}
