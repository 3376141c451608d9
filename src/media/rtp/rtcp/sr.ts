/**
 * Sender report (RFC 3550 §6.4.1).
 *
 * ```
 * |V=2|P|   RC    |    PT=200     |            length             |
 * |                         SSRC of sender                        |
 * |                  NTP time, seconds since 1900                 |
 * |                  NTP time, fraction of 2^−32 s                |
 * |                  RTP timestamp of the same instant            |
 * |                  sender's packet count                        |
 * |                  sender's octet count                         |
 * |                  report blocks, RC times                      |
 * ```
 */
import { readU32, requireRoom, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'
import { MAX_REPORT_BLOCKS, REPORT_BLOCK_BYTES, type ReportBlock, writeReportBlock } from './report-block.js'

export interface SenderReport {
  ssrc: number
  ntpSeconds: number
  ntpFraction: number
  /** Wire timestamp, 32 bits. */
  rtpTimestamp: number
  /** Modulo 2^32. */
  packetCount: number
  /** Payload bytes sent, modulo 2^32. */
  octetCount: number
}

export function newSenderReport(): SenderReport {
  return { ssrc: 0, ntpSeconds: 0, ntpFraction: 0, rtpTimestamp: 0, packetCount: 0, octetCount: 0 }
}

/** @returns false when the packet under the cursor is no sender report or too short for its blocks */
export function readSenderReport(c: RtcpCursor, report: SenderReport): boolean {
  if (c.type !== RtcpType.senderReport || c.bodyLength < 24 + c.count * REPORT_BLOCK_BYTES) return false
  const at = c.bodyOffset
  report.ssrc = readU32(c.bytes, at)
  report.ntpSeconds = readU32(c.bytes, at + 4)
  report.ntpFraction = readU32(c.bytes, at + 8)
  report.rtpTimestamp = readU32(c.bytes, at + 12)
  report.packetCount = readU32(c.bytes, at + 16)
  report.octetCount = readU32(c.bytes, at + 20)
  return true
}

/**
 * Writes a sender report.
 * @param blocks the first `count` are written; at most 31
 * @returns its length in bytes
 */
export function writeSenderReport(
  bytes: Uint8Array,
  offset: number,
  report: SenderReport,
  blocks: readonly ReportBlock[] = [],
  count: number = blocks.length,
): number {
  if (count > MAX_REPORT_BLOCKS) throw new RangeError(`${count} report blocks in one report`)
  const length = 28 + count * REPORT_BLOCK_BYTES
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, count, RtcpType.senderReport, length)
  writeU32(bytes, offset + 4, report.ssrc)
  writeU32(bytes, offset + 8, report.ntpSeconds)
  writeU32(bytes, offset + 12, report.ntpFraction)
  writeU32(bytes, offset + 16, report.rtpTimestamp)
  writeU32(bytes, offset + 20, report.packetCount)
  writeU32(bytes, offset + 24, report.octetCount)
  for (let i = 0; i < count; i++) writeReportBlock(bytes, offset + 28 + i * REPORT_BLOCK_BYTES, blocks[i]!)
  return length
}

/** Middle 32 bits of the NTP time of a sender report, as report blocks repeat them (LSR, RFC 3550 §6.4.1). */
export function middleNtp(report: SenderReport): number {
  return (((report.ntpSeconds & 0xffff) << 16) | (report.ntpFraction >>> 16)) >>> 0
}
