/**
 * Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2).
 *
 * ```
 * | feedback header, PT=206 FMT=15, SSRC of sender, 0             |
 * |  'R'          |  'E'          |  'M'          |  'B'          |
 * |  Num SSRC     | BR Exp, 6     |  BR Mantissa, 18 bits         |   bit/s = mantissa × 2^exp
 * |                  SSRC feedback                                |  × Num SSRC
 * ```
 */
import { readU32, writeU32 } from '../big-endian.js'
import { PayloadFeedback, type RtcpCursor, RtcpType } from './cursor.js'
import { FEEDBACK_BYTES, FEEDBACK_SSRC_BYTES, isFeedback, writeFeedback } from './feedback.js'

const NAME = 0x52454d42
const MAX_MANTISSA = 0x3ffff

export interface Remb {
  senderSsrc: number
  /** Up to 2^81; exact, since a mantissa has 18 bits. */
  bitrateBps: number
  /** SSRCs in the packet, 0–255; read them with `rembSsrc`. */
  ssrcCount: number
}

export function newRemb(): Remb {
  return { senderSsrc: 0, bitrateBps: 0, ssrcCount: 0 }
}

/** @returns false when the packet under the cursor is no REMB or its SSRC count reaches past it */
export function readRemb(c: RtcpCursor, remb: Remb): boolean {
  if (!isFeedback(c, RtcpType.psfb, PayloadFeedback.application)) return false
  const at = c.bodyOffset + FEEDBACK_SSRC_BYTES
  if (c.bodyLength < FEEDBACK_SSRC_BYTES + 8 || readU32(c.bytes, at) !== NAME) return false
  const ssrcCount = c.bytes[at + 4]!
  if (c.bodyLength < FEEDBACK_SSRC_BYTES + 8 + ssrcCount * 4) return false
  const word = readU32(c.bytes, at + 4) & 0xffffff
  remb.senderSsrc = readU32(c.bytes, c.bodyOffset)
  remb.bitrateBps = (word & MAX_MANTISSA) * 2 ** (word >> 18)
  remb.ssrcCount = ssrcCount
  return true
}

/** SSRC `index` (0 … `ssrcCount` − 1) of the REMB under the cursor. */
export function rembSsrc(c: RtcpCursor, index: number): number {
  return readU32(c.bytes, c.bodyOffset + FEEDBACK_SSRC_BYTES + 8 + index * 4)
}

/**
 * Writes a REMB.
 * @param bitrateBps ≥ 0, rounded down to 18 significant bits
 * @param ssrcs at most 255
 * @returns its length in bytes
 */
export function writeRemb(
  bytes: Uint8Array,
  offset: number,
  senderSsrc: number,
  bitrateBps: number,
  ssrcs: readonly number[],
): number {
  if (ssrcs.length > 255) throw new RangeError(`${ssrcs.length} SSRCs in one REMB`)
  let exponent = 0
  let mantissa = Math.floor(bitrateBps)
  while (mantissa > MAX_MANTISSA && exponent < 63) {
    mantissa = Math.floor(mantissa / 2)
    exponent++
  }
  mantissa = Math.min(mantissa, MAX_MANTISSA)
  const length = FEEDBACK_BYTES + 8 + ssrcs.length * 4
  writeFeedback(bytes, offset, RtcpType.psfb, PayloadFeedback.application, length, senderSsrc, 0)
  writeU32(bytes, offset + 12, NAME)
  writeU32(bytes, offset + 16, (ssrcs.length << 24) | (exponent << 18) | mantissa)
  for (let i = 0; i < ssrcs.length; i++) writeU32(bytes, offset + 20 + i * 4, ssrcs[i]!)
  return length
}
