/**
 * Extended reports (RFC 3611): walked block by block; the two that give a receiver without own media its
 * round-trip time are read.
 *
 * ```
 * |V=2|P|reserved |    PT=207     |            length             |
 * |                          SSRC of sender                       |
 * |   block type  | type-specific | length in 32-bit words − 1    |  block, × n
 * |                            contents                           |
 *
 * BT=4, receiver reference time: NTP seconds, NTP fraction
 * BT=5, DLRR: SSRC, last RR (middle 32 bits of its NTP time), delay since then in 1/65536 s    × n
 * ```
 */
import { readU32, requireRoom, writeU16, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'

export const XrBlock = { receiverReferenceTime: 4, dlrr: 5 } as const

const DLRR_BYTES = 12

/** One block; `firstXrBlock` and `nextXrBlock` fill it. */
export interface XrCursor {
  /** Who sent the report. */
  senderSsrc: number
  /** See `XrBlock`; the others (0–255) are for the reader to pass over. */
  blockType: number
  /** Absolute offset of the contents, after the block's 4-byte header. */
  contentsOffset: number
  contentsLength: number
  next: number
}

export function newXrCursor(): XrCursor {
  return { senderSsrc: 0, blockType: 0, contentsOffset: 0, contentsLength: 0, next: 0 }
}

/** Begins at the first block of the XR under `c`. @returns false when there is none */
export function firstXrBlock(x: XrCursor, c: RtcpCursor): boolean {
  if (c.type !== RtcpType.extendedReport || c.bodyLength < 4) return false
  x.senderSsrc = readU32(c.bytes, c.bodyOffset)
  x.next = c.bodyOffset + 4
  return nextXrBlock(x, c)
}

/** Goes on to the next block. @returns false at the end or where a block reaches past the packet */
export function nextXrBlock(x: XrCursor, c: RtcpCursor): boolean {
  const end = c.bodyOffset + c.bodyLength
  if (x.next + 4 > end) return false
  const contentsLength = ((c.bytes[x.next + 2]! << 8) | c.bytes[x.next + 3]!) * 4
  if (x.next + 4 + contentsLength > end) return false
  x.blockType = c.bytes[x.next]!
  x.contentsOffset = x.next + 4
  x.contentsLength = contentsLength
  x.next = x.contentsOffset + contentsLength
  return true
}

/**
 * The middle 32 bits of the NTP time in a receiver-reference-time block: what a DLRR answer repeats.
 * @returns −1 for any other block or one too short
 */
export function receiverReferenceTime(x: XrCursor, c: RtcpCursor): number {
  if (x.blockType !== XrBlock.receiverReferenceTime || x.contentsLength < 8) return -1
  return readU32(c.bytes, x.contentsOffset + 2)
}

/** How many sub-blocks the DLRR block holds; 0 for any other block. */
export function dlrrCount(x: XrCursor): number {
  return x.blockType === XrBlock.dlrr ? Math.floor(x.contentsLength / DLRR_BYTES) : 0
}

export interface Dlrr {
  /** Of the receiver that the answer is for. */
  ssrc: number
  /** Middle 32 bits of the NTP time of its last reference-time block. */
  lastRr: number
  /** Since that block arrived, in 1/65536 s. */
  delaySinceLastRr: number
}

/** Reads sub-block `index` (0 … `dlrrCount(x)` − 1). */
export function readDlrr(x: XrCursor, c: RtcpCursor, index: number, dlrr: Dlrr): void {
  const at = x.contentsOffset + index * DLRR_BYTES
  dlrr.ssrc = readU32(c.bytes, at)
  dlrr.lastRr = readU32(c.bytes, at + 4)
  dlrr.delaySinceLastRr = readU32(c.bytes, at + 8)
}

/** Writes an XR with one DLRR block of one sub-block. @returns its length, 24 bytes */
export function writeDlrr(bytes: Uint8Array, offset: number, senderSsrc: number, dlrr: Dlrr): number {
  const length = 12 + DLRR_BYTES
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, 0, RtcpType.extendedReport, length)
  writeU32(bytes, offset + 4, senderSsrc)
  writeU16(bytes, offset + 8, XrBlock.dlrr << 8)
  writeU16(bytes, offset + 10, DLRR_BYTES / 4)
  writeU32(bytes, offset + 12, dlrr.ssrc)
  writeU32(bytes, offset + 16, dlrr.lastRr)
  writeU32(bytes, offset + 20, dlrr.delaySinceLastRr)
  return length
}
