/**
 * Sender reports for subscribers (RFC 3550 §6.4.1): the publisher's clock mapping, translated. NTP times stay the
 * publisher's, so that all its streams keep their sync; timestamp, SSRC and counts are those of the subscription.
 */
import { middleNtp, newSenderReport, type SenderReport } from '../rtp/rtcp/index.js'
import type { ForwardContext } from './context.js'
import type { Encoding } from './encoding.js'
import { sendSenderReport } from './reports.js'
import type { Subscription } from './subscription.js'

const translated = newSenderReport()

/**
 * Sends the encoding's last sender report on.
 * @param newcomersOnly only to subscriptions that have had none of this run
 */
export function forwardSenderReport(
  context: ForwardContext,
  encoding: Encoding,
  newcomersOnly: boolean,
  nowMs: number,
): void {
  const report = encoding.reports.senderReport
  if (report === null) return
  for (const subscription of encoding.subscriptions) {
    if (!subscription.begun || (newcomersOnly && !subscription.awaitsReport)) continue
    try {
      send(context, subscription, report, nowMs)
    } catch (error) {
      context.blame(subscription.downlink.transport, error)
    }
  }
}

function send(context: ForwardContext, subscription: Subscription, report: SenderReport, nowMs: number): void {
  const { downlink } = subscription
  translated.ssrc = subscription.ssrc
  translated.ntpSeconds = report.ntpSeconds
  translated.ntpFraction = report.ntpFraction
  translated.rtpTimestamp = subscription.timestampOf(report.rtpTimestamp)
  translated.packetCount = subscription.packets
  translated.octetCount = subscription.octets
  if (!sendSenderReport(context, downlink.transport, downlink.cname, translated)) return
  subscription.reported(middleNtp(report), nowMs)
  context.totals.sr_sent++
}
