/** What RTCP says, whole, as tests ask for it. */
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
} from '../../rtp/rtcp/index.js'

/** What one compound packet said. */
export interface Said {
  /** Packet types, in their order. */
  types: number[]
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
  const said: Said = {
    types: [],
    keyframes: [],
    nacks: [],
    senderReports: [],
    blocks: [],
    rembBps: [],
    arrivedMs: new Map(),
  }
  const c = newRtcpCursor()
  const seqs = new Uint16Array(512)
  for (let ok = firstRtcp(c, bytes, 0, bytes.length); ok; ok = nextRtcp(c)) {
    said.types.push(c.type)
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
