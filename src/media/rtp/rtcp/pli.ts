/** Picture loss indication (RFC 4585 §6.3.1): the feedback header alone, PT=206 FMT=1. */
import { PayloadFeedback, type RtcpCursor, RtcpType } from './cursor.js'
import { FEEDBACK_BYTES, isFeedback, writeFeedback } from './feedback.js'

/** Whether the packet under the cursor is a PLI; the stream is `feedbackMedia(c)`. */
export function isPli(c: RtcpCursor): boolean {
  return isFeedback(c, RtcpType.psfb, PayloadFeedback.pli)
}

/** @returns its length, 12 bytes */
export function writePli(bytes: Uint8Array, offset: number, senderSsrc: number, mediaSsrc: number): number {
  writeFeedback(bytes, offset, RtcpType.psfb, PayloadFeedback.pli, FEEDBACK_BYTES, senderSsrc, mediaSsrc)
  return FEEDBACK_BYTES
}
