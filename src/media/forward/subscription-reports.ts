/** What a subscriber's reports say about one stream that it gets. */
import type { ReportBlock } from '../rtp/rtcp/report-block.js'
import { unrepaired } from './figures.js'

/** No path is longer; more is a lie or a clock that jumped. */
const MAX_RTT_MS = 10_000
/** Reports that come sooner after the one before are not counted: whoever floods us must not shape the distributions. */
const REPORT_INTERVAL_MS = 500

/** What the last report that was counted said anew. */
export interface ReportNews {
  /** Packets sent, and packets lost, since the one before. */
  sent: number
  lost: number
  /** −1 = it says nothing about the round trip. */
  rttMs: number
}

export const newReportNews = (): ReportNews => ({ sent: 0, lost: 0, rttMs: -1 })

export class SubscriptionReports {
  /** As the subscriber reported last: share lost in 1/256, and round trip; 0 = unknown. */
  fractionLost = 0
  rttMs = 0
  cumulativeLost = 0
  /** In units of the clock rate. */
  jitter = 0
  /** Share of packets that were lost and not sent again, between the last two reports that were counted. */
  unrepairedShare = 0
  #lastSr = 0
  #lastSrMs = 0
  #countedMs = Number.NEGATIVE_INFINITY
  #countedLost = 0
  #countedResent = 0
  #countedPackets = 0

  /** A sender report goes out. @param middleNtp middle 32 bits of its NTP time */
  sent(middleNtp: number, nowMs: number): void {
    this.#lastSr = middleNtp
    this.#lastSrMs = nowMs
  }

  /**
   * A report of the subscriber (RFC 3550 §6.4.1: round trip = its arrival − LSR − DLSR).
   * @param packets that were sent so far
   * @param resent that were sent again so far
   * @returns whether it counts, and `news` is filled
   */
  received(block: ReportBlock, packets: number, resent: number, arrivedMs: number, news: ReportNews): boolean {
    this.fractionLost = block.fractionLost
    this.cumulativeLost = block.cumulativeLost
    this.jitter = block.jitter
    news.rttMs = -1
    if (block.lastSr !== 0 && block.lastSr === this.#lastSr) {
      const rttMs = arrivedMs - this.#lastSrMs - (block.delaySinceLastSr * 1000) / 65_536
      if (rttMs >= 0 && rttMs <= MAX_RTT_MS) this.rttMs = news.rttMs = Math.max(1, rttMs)
    }
    if (arrivedMs - this.#countedMs < REPORT_INTERVAL_MS) return false
    this.#countedMs = arrivedMs
    news.lost = Math.max(0, block.cumulativeLost - this.#countedLost)
    this.#countedLost = block.cumulativeLost
    news.sent = packets - this.#countedPackets
    this.#countedPackets = packets
    this.unrepairedShare = unrepaired(block.fractionLost / 256, news.lost, resent - this.#countedResent)
    this.#countedResent = resent
    return true
  }
}
