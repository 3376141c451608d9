/** RTCP as clients read and write it. */
import {
  feedbackMedia,
  firCount,
  firSsrc,
  firstRtcp,
  isNack,
  isPli,
  NOT_RECEIVED,
  newArrivalFeedback,
  newRemb,
  newReportBlock,
  newRtcpCursor,
  newSenderReport,
  nextRtcp,
  type ReportBlock,
  type RtcpCursor,
  RtcpType,
  readArrivalFeedback,
  readNack,
  readRemb,
  readReportBlock,
  readSenderReport,
  reportBlockCount,
  type SenderReport,
  writeArrivalFeedback,
  writeCname,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../../src/media/rtp/rtcp/index.js'

/** What one compound packet said. */
export interface Said {
  /** SSRCs of which a keyframe was asked for. */
  keyframes: number[]
  nacks: { ssrc: number; seqs: number[] }[]
  senderReports: SenderReport[]
  blocks: ReportBlock[]
  /** What REMBs said, bit/s. */
  rembBps: number[]
  /** When packets arrived, as transport-wide feedback told it: ms by the clock of who tells, of numbers. */
  arrivedMs: Map<number, number>
}

/** @throws Error when the bytes are no RTCP */
export function readRtcp(bytes: Uint8Array): Said {
  const said: Said = { keyframes: [], nacks: [], senderReports: [], blocks: [], rembBps: [], arrivedMs: new Map() }
  const c = newRtcpCursor()
  const seqs = new Uint16Array(512)
  for (let ok = firstRtcp(c, bytes, 0, bytes.length); ok; ok = nextRtcp(c)) {
    if (isPli(c)) said.keyframes.push(feedbackMedia(c))
    for (let i = 0; i < firCount(c); i++) said.keyframes.push(firSsrc(c, i))
    if (isNack(c)) said.nacks.push({ ssrc: feedbackMedia(c), seqs: [...seqs.subarray(0, readNack(c, seqs))] })
    readArrivals(c, said.arrivedMs)
    const remb = newRemb()
    if (readRemb(c, remb)) said.rembBps.push(remb.bitrateBps)
    if (c.type === RtcpType.senderReport) {
      const report = newSenderReport()
      if (readSenderReport(c, report)) said.senderReports.push(report)
    }
    for (let i = 0; i < reportBlockCount(c); i++) {
      const block = newReportBlock()
      readReportBlock(c, i, block)
      said.blocks.push(block)
    }
  }
  if (c.fault !== 0) throw new Error('what the server sent is no RTCP')
  return said
}

function readArrivals(c: RtcpCursor, arrivedMs: Map<number, number>): void {
  const feedback = newArrivalFeedback()
  const units = new Int32Array(2048)
  if (!readArrivalFeedback(c, feedback, units)) return
  for (let i = 0; i < feedback.statusCount; i++) {
    if (units[i] === NOT_RECEIVED) continue
    arrivedMs.set((feedback.baseSeq + i) & 0xffff, feedback.referenceTime * 64 + units[i]! / 4)
  }
}

/** A compound that begins as RFC 3550 §6.1 wants. @param write one more packet at an offset; returns its length */
function compound(ssrc: number, write: (bytes: Uint8Array, offset: number) => number): Uint8Array {
  const bytes = new Uint8Array(1400)
  let length = writeReceiverReport(bytes, 0, ssrc)
  length += writeCname(bytes, length, ssrc, new TextEncoder().encode('stage'))
  return bytes.slice(0, length + write(bytes, length))
}

export const pliPacket = (from: number, media: number): Uint8Array =>
  compound(from, (bytes, at) => writePli(bytes, at, from, media))

/** @param seqs ascending, 16 bits */
export const nackPacket = (from: number, media: number, seqs: readonly number[]): Uint8Array =>
  compound(from, (bytes, at) => writeNack(bytes, at, from, media, seqs))

export const rembPacket = (from: number, bitrateBps: number, ssrcs: readonly number[]): Uint8Array =>
  compound(from, (bytes, at) => writeRemb(bytes, at, from, bitrateBps, ssrcs))

/**
 * Transport-wide feedback.
 * @param baseMs before all of them @param timesMs when each number from `baseSeq` on arrived, or `NOT_RECEIVED`
 */
export const arrivalPacket = (
  from: number,
  media: number,
  baseSeq: number,
  baseMs: number,
  timesMs: readonly number[],
  count: number,
): Uint8Array =>
  compound(from, (bytes, at) => {
    const referenceTime = Math.floor(baseMs / 64)
    const units = timesMs.map((ms) => (ms === NOT_RECEIVED ? ms : Math.round((ms - referenceTime * 64) * 4)))
    const feedback = { baseSeq, statusCount: 0, referenceTime, feedbackCount: count }
    return writeArrivalFeedback(bytes, at, from, media, feedback, Int32Array.from(units), units.length)
  })

export const receiverReport = (from: number, blocks: readonly ReportBlock[]): Uint8Array => {
  const bytes = new Uint8Array(1400)
  return bytes.slice(0, writeReceiverReport(bytes, 0, from, blocks))
}

export function senderReport(report: SenderReport): Uint8Array {
  const bytes = new Uint8Array(200)
  const length = writeSenderReport(bytes, 0, report)
  return bytes.slice(0, length + writeCname(bytes, length, report.ssrc, new TextEncoder().encode('stage')))
}
