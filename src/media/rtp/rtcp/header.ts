import { writeU16 } from '../big-endian.js'

/**
 * Writes the 4-byte RTCP header (RFC 3550 §6.4.1), without padding.
 * @param count report count or feedback format, 0–31
 * @param length of the whole packet in bytes, header included; a multiple of 4
 */
export function writeRtcpHeader(bytes: Uint8Array, offset: number, count: number, type: number, length: number): void {
  bytes[offset] = 0x80 | count
  bytes[offset + 1] = type
  writeU16(bytes, offset + 2, length / 4 - 1)
}
