/** The RTCP that peers send: reports of publishers go on to subscribers, requests of subscribers are answered. */
import {
  feedbackMedia,
  firCount,
  firSsrc,
  firstRtcp,
  isFeedback,
  isNack,
  isPli,
  nackCount,
  newArrivalFeedback,
  newRemb,
  newReportBlock,
  newRtcpCursor,
  newSenderReport,
  nextRtcp,
  type RtcpCursor,
  RtcpFault,
  RtcpType,
  readArrivalFeedback,
  readNack,
  readRemb,
  readReportBlock,
  readSenderReport,
  receiverReportSsrc,
  reportBlockCount,
  TransportFeedback,
} from '../rtp/rtcp/index.js'
import { arrivals } from './congestion/feedback-reader.js'
import { arrivedMs, type ForwardContext } from './context.js'
import type { Feed, Peer } from './peer.js'
import { resend } from './retransmit.js'
import { forwardSenderReport } from './sender-reports.js'
import type { Subscription } from './subscription.js'
import { newReportNews } from './subscription-reports.js'

/** Numbers read out of one NACK; more than any receiver asks at once. */
const MAX_NACKED = 512

const cursor = newRtcpCursor()
const block = newReportBlock()
const report = newSenderReport()
const remb = newRemb()
const arrivalFeedback = newArrivalFeedback()
const news = newReportNews()
const nacked = new Uint16Array(MAX_NACKED)

/**
 * Works through the compound packet `rx[offset … offset + length)` that `peer` sent.
 * @returns whether it reports on what the peer sends: then it is for its mirrors too
 */
export function takeFeedback(
  context: ForwardContext,
  nowMs: number,
  peer: Peer,
  offset: number,
  length: number,
): boolean {
  const { totals, io } = context
  let reports = false
  for (let ok = firstRtcp(cursor, io.rx, offset, length); ok; ok = nextRtcp(cursor)) {
    reports ||= cursor.type === RtcpType.senderReport
    // All else was taken, and counted, where the publisher lives.
    if (peer.isMirror && cursor.type !== RtcpType.senderReport) continue
    switch (cursor.type) {
      case RtcpType.senderReport:
        senderReport(context, nowMs, peer, cursor)
        break
      case RtcpType.receiverReport:
        if (receiverReportSsrc(cursor) >= 0) totals.rr_received++
        reportBlocks(context, nowMs, peer, cursor)
        break
      case RtcpType.rtpfb:
        if (isFeedback(cursor, RtcpType.rtpfb, TransportFeedback.transportCc)) arrived(context, nowMs, peer, cursor)
        else nack(context, nowMs, peer, cursor)
        break
      case RtcpType.psfb:
        payloadFeedback(context, nowMs, peer, cursor)
        break
    }
  }
  if (cursor.fault !== RtcpFault.none && !peer.isMirror) totals.drop_rtcp_malformed++
  return reports
}

function senderReport(context: ForwardContext, nowMs: number, peer: Peer, c: RtcpCursor): void {
  if (!readSenderReport(c, report)) return
  if (!peer.isMirror) context.totals.sr_received++
  for (const { encodings } of peer.publications) {
    for (const encoding of encodings) {
      if (encoding.ssrc !== report.ssrc || !encoding.reports.takeSenderReport(report, arrivedMs(context, nowMs)))
        continue
      forwardSenderReport(context, encoding, false, nowMs)
    }
  }
  reportBlocks(context, nowMs, peer, c)
}

function reportBlocks(context: ForwardContext, nowMs: number, peer: Peer, c: RtcpCursor): void {
  const count = reportBlockCount(c)
  for (let i = 0; i < count; i++) {
    readReportBlock(c, i, block)
    const feed = feedOf(peer, block.ssrc)
    if (feed === undefined) continue
    const { reports, packets, resent } = feed.subscription
    if (!reports.received(block, packets, resent, arrivedMs(context, nowMs), news)) continue
    take(context, peer, feed.subscription)
    peer.downlink.reported(news.sent, news.lost, news.rttMs, nowMs)
  }
}

/** What `news` says about a stream. */
function take({ distributions, events, settings }: ForwardContext, peer: Peer, subscription: Subscription): void {
  distributions.lossDown.add(subscription.reports.fractionLost / 256)
  if (news.rttMs >= 0) distributions.rtt.add(news.rttMs / 1000)
  if (settings.slowlinkThreshold === 0 || news.lost < settings.slowlinkThreshold) return
  events.slowlink(peer.endpoint, subscription.stream.mid, subscription.kind, false, news.lost)
}

function arrived(context: ForwardContext, nowMs: number, peer: Peer, c: RtcpCursor): void {
  const { totals } = context
  // A few bytes can tell of thousands of packets.
  if (!peer.downlink.admitsFeedback(nowMs)) {
    totals.transport_cc_refused++
    return
  }
  if (!readArrivalFeedback(c, arrivalFeedback, arrivals)) {
    totals.drop_rtcp_malformed++
    return
  }
  totals.transport_cc_received++
  peer.downlink.arrivals(arrivalFeedback, arrivals, arrivedMs(context, nowMs), nowMs)
}

function nack(context: ForwardContext, nowMs: number, peer: Peer, c: RtcpCursor): void {
  if (!isNack(c)) return
  const feed = feedOf(peer, feedbackMedia(c))
  if (feed === undefined) {
    context.totals.drop_rtcp_unknown_ssrc++
    return
  }
  // Without a publication it is paused or its source has gone: nothing may reach it.
  if (feed.publication === null) return
  const { totals } = context
  const asked = nackCount(c)
  // A packet has room for thousands of numbers, and looking for one costs as much as forwarding.
  const count = readNack(c, nacked, peer.downlink.nackBudget(Math.min(asked, MAX_NACKED), nowMs))
  totals.nack_received += asked - count
  totals.nack_refused += asked - count
  if (count > 0) resend(context, feed.publication, feed.subscription, nacked, count, nowMs)
}

function payloadFeedback(context: ForwardContext, nowMs: number, peer: Peer, c: RtcpCursor): void {
  const { totals } = context
  if (isPli(c)) {
    totals.pli_received++
    return keyframe(context, nowMs, peer, feedbackMedia(c))
  }
  const entries = firCount(c)
  if (entries > 0) {
    totals.fir_received++
    for (let i = 0; i < entries; i++) keyframe(context, nowMs, peer, firSsrc(c, i))
    return
  }
  if (!readRemb(c, remb)) return
  totals.remb_received++
  peer.downlink.remb(remb.bitrateBps, nowMs)
}

function keyframe(context: ForwardContext, nowMs: number, peer: Peer, ssrc: number): void {
  const feed = feedOf(peer, ssrc)
  if (feed === undefined) context.totals.drop_rtcp_unknown_ssrc++
  else feed.publication?.requestKeyframe(feed.subscription, nowMs)
}

function feedOf(peer: Peer, ssrc: number): Feed | undefined {
  const { feeds } = peer
  for (let i = 0; i < feeds.length; i++) if (feeds[i]!.subscription.ssrc === ssrc) return feeds[i]
  return undefined
}
