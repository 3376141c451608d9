/** RTCP as clients write it. */
import {
  NOT_RECEIVED,
  type ReportBlock,
  type SenderReport,
  writeArrivalFeedback,
  writeCname,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../../src/media/rtp/rtcp/index.js'

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
