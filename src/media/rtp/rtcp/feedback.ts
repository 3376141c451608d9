/**
 * What all feedback messages share (RFC 4585 §6.1).
 *
 * ```
 * |V=2|P|   FMT   |  PT=205|206   |            length             |
 * |                  SSRC of packet sender                        |
 * |                  SSRC of media source                         |
 * |                  feedback control information                 |
 * ```
 */
import { readU32, requireRoom, writeU32 } from '../big-endian.js'
import type { RtcpCursor } from './cursor.js'
import { writeRtcpHeader } from './header.js'

/** Header, sender and media source. */
export const FEEDBACK_BYTES = 12
/** The two SSRCs at the start of the body. */
export const FEEDBACK_SSRC_BYTES = 8

/** Whether the packet under the cursor is feedback of this type and format with both SSRCs. */
export function isFeedback(c: RtcpCursor, type: number, format: number): boolean {
  return c.type === type && c.count === format && c.bodyLength >= FEEDBACK_SSRC_BYTES
}

/** The stream that the feedback under the cursor is about. Only after `isFeedback` or a reader of one kind said yes. */
export function feedbackMedia(c: RtcpCursor): number {
  return readU32(c.bytes, c.bodyOffset + 4)
}

/** Writes the first 12 bytes of a feedback packet of `length` bytes. @throws RangeError when `length` does not fit */
export function writeFeedback(
  bytes: Uint8Array,
  offset: number,
  type: number,
  format: number,
  length: number,
  senderSsrc: number,
  mediaSsrc: number,
): void {
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, format, type, length)
  writeU32(bytes, offset + 4, senderSsrc)
  writeU32(bytes, offset + 8, mediaSsrc)
}
