/**
 * Redundant audio data (RFC 2198 §3): headers of the older blocks, the header of the primary, then their data
 * in the same order.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |1|  block PT   |     timestamp offset      |   block length    |  redundant block, × n
 * |0|  block PT   |                                                  primary block: what is left
 * ```
 */
import { readU24 } from '../big-endian.js'
import type { Codec } from './codec.js'

const hasPrimary: Codec['isKeyframe'] = (bytes, offset, length) => readRed(bytes, offset, length, probe)

export const red = { kind: 'audio', isKeyframe: hasPrimary } as const satisfies Codec

/** The primary block, which is what a receiver without RED would have got. */
export interface RedView {
  /** Payload type of the primary block, 0–127. */
  pt: number
  /** Absolute. */
  offset: number
  length: number
}

export function newRedView(): RedView {
  return { pt: 0, offset: 0, length: 0 }
}

const probe = newRedView()

/** @returns false when headers or blocks reach past the payload */
export function readRed(bytes: Uint8Array, offset: number, length: number, view: RedView): boolean {
  const end = offset + length
  let at = offset
  let redundantBytes = 0
  while (at < end && (bytes[at]! & 0x80) !== 0) {
    if (at + 4 > end) return false
    redundantBytes += readU24(bytes, at + 1) & 0x3ff
    at += 4
  }
  if (at >= end || at + 1 + redundantBytes > end) return false
  view.pt = bytes[at]!
  view.offset = at + 1 + redundantBytes
  view.length = end - view.offset
  return true
}
