/**
 * Receiver report (RFC 3550 §6.4.2).
 *
 * ```
 * |V=2|P|   RC    |    PT=201     |            length             |
 * |                         SSRC of sender                        |
 * |                  report blocks, RC times                      |
 * ```
 */
import { readU32, requireRoom, writeU32 } from '../big-endian.js'
import { type RtcpCursor, RtcpType } from './cursor.js'
import { writeRtcpHeader } from './header.js'
import { MAX_REPORT_BLOCKS, REPORT_BLOCK_BYTES, type ReportBlock, writeReportBlock } from './report-block.js'

/** SSRC of who sends the receiver report under the cursor, or −1 when it is none or too short for its blocks. */
export function receiverReportSsrc(c: RtcpCursor): number {
  if (c.type !== RtcpType.receiverReport || c.bodyLength < 4 + c.count * REPORT_BLOCK_BYTES) return -1
  return readU32(c.bytes, c.bodyOffset)
}

/**
 * Writes a receiver report; without blocks it is the empty RR that a compound may begin with.
 * @param blocks the first `count` are written; at most 31
 * @returns its length in bytes
 */
export function writeReceiverReport(
  bytes: Uint8Array,
  offset: number,
  senderSsrc: number,
  blocks: readonly ReportBlock[] = [],
  count: number = blocks.length,
): number {
  if (count > MAX_REPORT_BLOCKS) throw new RangeError(`${count} report blocks in one report`)
  const length = 8 + count * REPORT_BLOCK_BYTES
  requireRoom(bytes, offset, length)
  writeRtcpHeader(bytes, offset, count, RtcpType.receiverReport, length)
  writeU32(bytes, offset + 4, senderSsrc)
  for (let i = 0; i < count; i++) writeReportBlock(bytes, offset + 8 + i * REPORT_BLOCK_BYTES, blocks[i]!)
  return length
}
