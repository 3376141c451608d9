/**
 * Source description (RFC 3550 §6.5).
 *
 * ```
 * |V=2|P|   SC    |    PT=202     |            length             |
 * |                          SSRC/CSRC                            |  chunk, SC times
 * | item type | length | text …   | item … | 0 (1–4 zeros, up to the next 32-bit boundary)
 * ```
 */
import { requireRoom, writeU32 } from '../big-endian.js'
import { RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'

const CNAME = 1

/**
 * Writes an SDES with one chunk that holds one CNAME.
 * @param cname UTF-8, at most 255 bytes
 * @returns its length in bytes
 */
export function writeCname(bytes: Uint8Array, offset: number, ssrc: number, cname: Uint8Array): number {
  if (cname.length > 255) throw new RangeError(`CNAME of ${cname.length} bytes`)
  const end = 10 + cname.length
  const length = end + 4 - (end % 4)
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, 1, RtcpType.sourceDescription, length)
  writeU32(bytes, offset + 4, ssrc)
  bytes[offset + 8] = CNAME
  bytes[offset + 9] = cname.length
  bytes.set(cname, offset + 10)
  bytes.fill(0, offset + end, offset + length)
  return length
}
