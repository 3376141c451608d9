/**
 * Goodbye (RFC 3550 §6.6).
 *
 * ```
 * |V=2|P|   SC    |    PT=203     |            length             |
 * |                          SSRC/CSRC                            |  SC times
 * | length        | reason for leaving, zeros up to 32 bits       |  optional
 * ```
 */
import { readU32, requireRoom, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'

/** How many sources the BYE under the cursor ends; 0 for anything else or a body too short for its count. */
export function byeCount(c: RtcpCursor): number {
  return c.type === RtcpType.bye && c.count * 4 <= c.bodyLength ? c.count : 0
}

/** Source `index` (0 … `byeCount(c)` − 1). */
export function byeSsrc(c: RtcpCursor, index: number): number {
  return readU32(c.bytes, c.bodyOffset + index * 4)
}

/** Writes a BYE without a reason. @param ssrcs at most 31 @returns its length in bytes */
export function writeBye(bytes: Uint8Array, offset: number, ssrcs: readonly number[]): number {
  if (ssrcs.length > 31) throw new RangeError(`${ssrcs.length} sources in one BYE`)
  const length = 4 + ssrcs.length * 4
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, ssrcs.length, RtcpType.bye, length)
  for (let i = 0; i < ssrcs.length; i++) writeU32(bytes, offset + 4 + i * 4, ssrcs[i]!)
  return length
}
