/**
 * AV1 aggregation header (AV1 RTP specification §4.4) and the headers of its OBUs (AV1 §5.3.2).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |Z|Y| W |N|0|0|0|  Z, Y: first element continues, last one is continued; W: elements, 0 = each has a length;
 * +-+-+-+-+-+-+-+-+  N: first packet of a coded video sequence
 * | length, LEB128 | OBU element |  × n; the last of W has no length
 *
 * |0| type  |X|S|0|  OBU header; X: an extension byte follows; S: an OBU size follows
 * ```
 */
import type { Codec } from './codec.js'

export const ObuType = { sequenceHeader: 1, temporalDelimiter: 2 } as const

/** One OBU element; `firstObu` and `nextObu` fill it. */
export interface ObuCursor {
  /** OBU type, 0–15. Says nothing when the element continues an OBU of an earlier packet. */
  type: number
  /** The element begins in an earlier packet (Z of the first one). */
  continues: boolean
  /** Absolute offset of the OBU header. */
  offset: number
  /** Length of the element, ≥ 1. */
  length: number
  next: number
  end: number
  /** Elements not yet read, or −1 when each has a length and the payload's end is theirs. */
  left: number
}

export function newObuCursor(): ObuCursor {
  return { type: 0, continues: false, offset: 0, length: 0, next: 0, end: 0, left: 0 }
}

/** Begins at the first element of the payload. @returns false when there is none or it reaches past the payload */
export function firstObu(c: ObuCursor, bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 2) return false
  const head = bytes[offset]!
  const elements = (head >> 4) & 3
  c.next = offset + 1
  c.end = offset + length
  c.left = elements === 0 ? -1 : elements
  if (!nextObu(c, bytes)) return false
  c.continues = (head & 0x80) !== 0
  return true
}

/** Goes on to the next element. @returns false at the end or where an element is empty or reaches past the payload */
export function nextObu(c: ObuCursor, bytes: Uint8Array): boolean {
  if (c.next >= c.end || c.left === 0) return false
  let length = c.end - c.next
  if (c.left !== 1) {
    length = readLeb128(bytes, c)
    if (length <= 0 || length > c.end - c.next) return false
  }
  if (c.left > 0) c.left--
  c.type = (bytes[c.next]! >> 3) & 0x0f
  c.continues = false
  c.offset = c.next
  c.length = length
  c.next += length
  return true
}

/** Reads a length at `c.next` and moves behind it. @returns −1 when it is unfinished or above 2^28 */
function readLeb128(bytes: Uint8Array, c: ObuCursor): number {
  let value = 0
  for (let i = 0; i < 4; i++) {
    if (c.next >= c.end) return -1
    const byte = bytes[c.next++]!
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return value
  }
  return -1
}

const probe = newObuCursor()

/** First packet of a coded video sequence: N, and a sequence header before anything but a temporal delimiter. */
export function isAv1Keyframe(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 2 || (bytes[offset]! & 0x88) !== 0x08) return false
  for (let ok = firstObu(probe, bytes, offset, length); ok; ok = nextObu(probe, bytes)) {
    if (probe.type !== ObuType.temporalDelimiter) return probe.type === ObuType.sequenceHeader
  }
  return false
}

export const av1 = { kind: 'video', isKeyframe: isAv1Keyframe } as const satisfies Codec
