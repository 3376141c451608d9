/**
 * The RTCP that we send. Every compound begins with a report and a CNAME (RFC 3550 §6.1), and is written to
 * scratch and sent at once.
 */

import {
  writeCname,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../rtp/rtcp/index.js'
import { newReportBlock, type ReportBlock } from '../rtp/rtcp/report-block.js'
import type { SenderReport } from '../rtp/rtcp/sr.js'
import type { ArrivalReports } from './congestion/arrival-reports.js'
import type { ForwardContext } from './context.js'
import { Frame, passOn, type RelayRoute } from './relay/link.js'

/** Fits one datagram with everything that may stand before and behind. */
const MAX_NACK_BYTES = 1000
const MAX_ARRIVALS_BYTES = 1000
/** Report blocks in one compound; with REMB and CNAME 31 of them stay far below a datagram. */
export const MAX_BLOCKS = 31

/** Who the RTCP comes from. */
export interface Reporter {
  readonly transport: number
  /** Our SSRC as a receiver on this transport. */
  readonly ssrc: number
  readonly cname: Uint8Array
  /** To a publisher that lives on another worker, in place of `transport`: its only element; else it is empty. */
  readonly routes: readonly RelayRoute[]
}

const noBlocks: ReportBlock[] = []

/** @returns whether it was sent */
export function sendPli(context: ForwardContext, from: Reporter, mediaSsrc: number): boolean {
  const { scratch } = context.out
  const at = begin(context)
  const feedback = at + introduce(scratch, at, from)
  return send(context, from, at, feedback + writePli(scratch, feedback, from.ssrc, mediaSsrc) - at)
}

/** @param seqs ascending 16-bit numbers, `count` ≥ 1 */
export function sendNack(
  context: ForwardContext,
  from: Reporter,
  mediaSsrc: number,
  seqs: Uint16Array,
  count: number,
): boolean {
  const { scratch } = context.out
  const at = begin(context)
  const feedback = at + introduce(scratch, at, from)
  const length = writeNack(scratch, feedback, from.ssrc, mediaSsrc, seqs, count, MAX_NACK_BYTES)
  return send(context, from, at, feedback + length - at)
}

/**
 * The regular report to a publisher.
 * @param blocks the first `count` are sent, at most MAX_BLOCKS
 * @param rembBps the most that the publisher is asked for
 * @param rembSsrcs streams that this is for; none = no REMB
 */
export function sendReceiverReport(
  context: ForwardContext,
  from: Reporter,
  blocks: readonly ReportBlock[],
  count: number,
  rembBps: number,
  rembSsrcs: readonly number[],
): boolean {
  const { scratch } = context.out
  const at = begin(context)
  let end = at + writeReceiverReport(scratch, at, from.ssrc, blocks, count)
  end += writeCname(scratch, end, from.ssrc, from.cname)
  if (rembSsrcs.length > 0) end += writeRemb(scratch, end, from.ssrc, rembBps, rembSsrcs)
  return send(context, from, at, end - at)
}

/** Transport-wide feedback about all that `arrivals` has not told yet. @returns how many feedback packets were sent */
export function sendArrivals(context: ForwardContext, from: Reporter, arrivals: ArrivalReports, nowMs: number): number {
  const { scratch } = context.out
  for (let sent = 0; ; sent++) {
    const at = begin(context)
    const feedback = at + introduce(scratch, at, from)
    const length = arrivals.write(nowMs, scratch, feedback, from.ssrc, MAX_ARRIVALS_BYTES)
    if (length === 0) return sent
    send(context, from, at, feedback + length - at)
  }
}

/** Sends a sender report with the CNAME (RFC 3550 §6.4.1, §6.5.1). @returns false when the io took no packet */
export function sendSenderReport(
  context: ForwardContext,
  transport: number,
  cname: Uint8Array,
  report: SenderReport,
): boolean {
  const { scratch } = context.out
  const at = begin(context)
  let end = at + writeSenderReport(scratch, at, report, noBlocks, 0)
  end += writeCname(scratch, end, report.ssrc, cname)
  return context.io.rtcp(transport, at, end - at)
}

/** Blocks to fill again and again. */
export function newReportBlocks(): ReportBlock[] {
  return Array.from({ length: MAX_BLOCKS }, newReportBlock)
}

/** Sends `scratch[at … at + length)`. */
function send(context: ForwardContext, { transport, routes }: Reporter, at: number, length: number): boolean {
  if (routes.length === 0) return context.io.rtcp(transport, at, length)
  return passOn(context, routes, Frame.request, context.out.scratch, at, length) > 0
}

function begin(context: ForwardContext): number {
  context.out.clear()
  return context.out.at
}

function introduce(scratch: Uint8Array, at: number, from: Reporter): number {
  const length = writeReceiverReport(scratch, at, from.ssrc, noBlocks, 0)
  return length + writeCname(scratch, at + length, from.ssrc, from.cname)
}
