/**
 * The report block of sender and receiver reports (RFC 3550 §6.4.1), 24 bytes.
 *
 * ```
 * +---------------------------------------------------------------+
 * |                     SSRC reported on                          |
 * | fraction lost |       cumulative lost, signed 24 bits         |
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * |                last SR: middle 32 bits of its NTP time         |
 * |            delay since last SR, units of 1/65536 s            |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU24, readU32, requireRoom, writeU24, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'

export const REPORT_BLOCK_BYTES = 24
/** What the 5-bit count of one report can say. */
export const MAX_REPORT_BLOCKS = 31

export interface ReportBlock {
  ssrc: number
  /** Share lost since the previous report, in 1/256. */
  fractionLost: number
  /** −2^23…2^23−1; negative when duplicates outnumber losses. */
  cumulativeLost: number
  /** Wraps << 16 | highest sequence number, unsigned 32 bits. */
  highestSeq: number
  /** RTP timestamp units. */
  jitter: number
  /** Middle 32 bits of the NTP time of the last sender report received; 0 = none yet. */
  lastSr: number
  /** Since that report, in 1/65536 s. */
  delaySinceLastSr: number
}

export function newReportBlock(): ReportBlock {
  return {
    ssrc: 0,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSeq: 0,
    jitter: 0,
    lastSr: 0,
    delaySinceLastSr: 0,
  }
}

/** How many report blocks the SR or RR under the cursor holds; 0 if its body is too short for its count. */
export function reportBlockCount(c: RtcpCursor): number {
  const before = bytesBeforeBlocks(c)
  return before > 0 && before + c.count * REPORT_BLOCK_BYTES <= c.bodyLength ? c.count : 0
}

/** Reads report block `index` (0 … `reportBlockCount(c)` − 1) of the SR or RR under the cursor. */
export function readReportBlock(c: RtcpCursor, index: number, block: ReportBlock): void {
  const bytes = c.bytes
  const at = c.bodyOffset + bytesBeforeBlocks(c) + index * REPORT_BLOCK_BYTES
  block.ssrc = readU32(bytes, at)
  block.fractionLost = bytes[at + 4]!
  block.cumulativeLost = (readU24(bytes, at + 5) << 8) >> 8
  block.highestSeq = readU32(bytes, at + 8)
  block.jitter = readU32(bytes, at + 12)
  block.lastSr = readU32(bytes, at + 16)
  block.delaySinceLastSr = readU32(bytes, at + 20)
}

/** Writes 24 bytes. `cumulativeLost` is clamped to what 24 bits hold. */
export function writeReportBlock(bytes: Uint8Array, offset: number, block: ReportBlock): void {
  requireRoom(bytes, offset, REPORT_BLOCK_BYTES)
  writeU32(bytes, offset, block.ssrc)
  bytes[offset + 4] = block.fractionLost
  writeU24(bytes, offset + 5, Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost)))
  writeU32(bytes, offset + 8, block.highestSeq)
  writeU32(bytes, offset + 12, block.jitter)
  writeU32(bytes, offset + 16, block.lastSr)
  writeU32(bytes, offset + 20, block.delaySinceLastSr)
}

function bytesBeforeBlocks(c: RtcpCursor): number {
  if (c.type === RtcpType.senderReport) return 24
  return c.type === RtcpType.receiverReport ? 4 : 0
}
