/**
 * H.264 payloads (RFC 6184 §5.3, §5.6–5.8).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |F|NRI|  type   |  1–23: one NAL unit; its slice header begins with first_mb_in_slice, Exp-Golomb: a 1 bit is 0
 * +-+-+-+-+-+-+-+-+
 * 24, STAP-A:  | size, 16 bits | NAL unit |  × n
 * 25, STAP-B:  | DON, 16 bits | then as STAP-A
 * 28, FU-A:    |S|E|R|  type   | fragment     S: first fragment
 * 29, FU-B:    |S|E|R|  type   | DON, 16 bits | fragment
 * ```
 */
import { readU16 } from '../big-endian.js'
import type { Codec } from './codec.js'

export const NalType = {
  idr: 5,
  sps: 7,
  stapA: 24,
  stapB: 25,
  fuA: 28,
  fuB: 29,
} as const

/**
 * A sequence parameter set, which browsers send in front of every key frame, or the first slice of an IDR
 * picture, for senders that told their parameter sets in the SDP.
 */
export function isH264Keyframe(bytes: Uint8Array, offset: number, length: number): boolean {
  return anyUnit(bytes, offset, length, beginsKeyframe)
}

export const h264 = { kind: 'video', isKeyframe: isH264Keyframe } as const satisfies Codec

/** Whether `test` holds for a unit that begins in this packet: its type, and the byte behind its NAL header (0 if none). */
function anyUnit(
  bytes: Uint8Array,
  offset: number,
  length: number,
  test: (type: number, next: number) => boolean,
): boolean {
  if (length < 2) return false
  const end = offset + length
  const type = bytes[offset]! & 0x1f
  if (type === NalType.stapA || type === NalType.stapB) {
    let at = offset + (type === NalType.stapA ? 1 : 3)
    while (at + 3 <= end) {
      const size = readU16(bytes, at)
      if (size === 0 || at + 2 + size > end) return false
      if (test(bytes[at + 2]! & 0x1f, size > 1 ? bytes[at + 3]! : 0)) return true
      at += 2 + size
    }
    return false
  }
  if (type === NalType.fuA || type === NalType.fuB) {
    const fragment = offset + (type === NalType.fuA ? 2 : 4)
    const head = bytes[offset + 1]!
    return (head & 0x80) !== 0 && fragment < end && test(head & 0x1f, bytes[fragment]!)
  }
  return type >= 1 && type <= 23 && test(type, bytes[offset + 1]!)
}

function beginsKeyframe(type: number, next: number): boolean {
  return type === NalType.sps || (type === NalType.idr && next >= 0x80)
}
