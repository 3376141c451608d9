/**
 * Source description (RFC 3550 §6.5).
 *
 * ```
 * |V=2|P|   SC    |    PT=202     |            length             |
 * |                          SSRC/CSRC                            |  chunk, SC times
 * | item type | length | text …   | item … | 0 (1–4 zeros, up to the next 32-bit boundary)
 * ```
 */
import { readU32, requireRoom, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'

export const SdesItem = { cname: 1 } as const

/** One item; `firstSdesItem` and `nextSdesItem` fill it. */
export interface SdesCursor {
  /** Of the chunk that the item is in. */
  ssrc: number
  /** Item type, 1–255. */
  type: number
  /** Absolute offset of the text (UTF-8, no terminator). */
  textOffset: number
  /** 0–255. */
  textLength: number
  /** Chunks not begun yet. */
  chunksLeft: number
  next: number
  inChunk: boolean
}

export function newSdesCursor(): SdesCursor {
  return { ssrc: 0, type: 0, textOffset: 0, textLength: 0, chunksLeft: 0, next: 0, inChunk: false }
}

/** Begins at the first item of the SDES under `c`. @returns false when there is none */
export function firstSdesItem(s: SdesCursor, c: RtcpCursor): boolean {
  s.chunksLeft = c.type === RtcpType.sourceDescription ? c.count : 0
  s.next = c.bodyOffset
  s.inChunk = false
  return nextSdesItem(s, c)
}

/** Goes on to the next item, over chunk borders. @returns false at the end or where bytes run out */
export function nextSdesItem(s: SdesCursor, c: RtcpCursor): boolean {
  const { bytes } = c
  const end = c.bodyOffset + c.bodyLength
  for (;;) {
    if (!s.inChunk) {
      if (s.chunksLeft === 0 || s.next + 4 > end) return false
      s.chunksLeft--
      s.ssrc = readU32(bytes, s.next)
      s.next += 4
      s.inChunk = true
    }
    if (s.next >= end) return false
    if (bytes[s.next] === 0) {
      s.next += 4 - ((s.next - c.bodyOffset) % 4)
      s.inChunk = false
      continue
    }
    if (s.next + 2 > end) return false
    const textLength = bytes[s.next + 1]!
    if (s.next + 2 + textLength > end) return false
    s.type = bytes[s.next]!
    s.textOffset = s.next + 2
    s.textLength = textLength
    s.next += 2 + textLength
    return true
  }
}

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
  bytes[offset + 8] = SdesItem.cname
  bytes[offset + 9] = cname.length
  bytes.set(cname, offset + 10)
  bytes.fill(0, offset + end, offset + length)
  return length
}
