/** What is counted of one encoding: its losses as RTCP reports them, its sender reports, and figures for operators. */
import type { StreamFigures } from '../control.js'
import { middleNtp, newSenderReport, type ReportBlock, type SenderReport } from '../rtp/rtcp/index.js'
import { LastSecond, unrepaired } from './figures.js'
import { ReceptionStatistics } from './reception.js'

/** Browsers report some ten times a second at most. */
const SENDER_REPORT_MS = 20

export class EncodingReports {
  /** RTP that was new, retransmitted or not, and its payload bytes. */
  packets = 0
  bytes = 0
  /** Numbers that were asked for again, and packets that came as RTX. */
  nacked = 0
  repaired = 0
  /** Reception of the present run; null before its first packet. */
  #statistics: ReceptionStatistics | null = null
  /** In runs before the present one. */
  #lostBefore = 0
  /** At the last report. */
  #repairedBefore = 0
  #unrepairedShare = 0
  readonly #lastSecond = new LastSecond()
  readonly #senderReport = newSenderReport()
  #hasSenderReport = false
  #senderReportMs = Number.NEGATIVE_INFINITY

  /** Whether a packet of this run came. */
  get begun(): boolean {
    return this.#statistics !== null
  }

  /** The last sender report of this run, or null. */
  get senderReport(): SenderReport | null {
    return this.#hasSenderReport ? this.#senderReport : null
  }

  /** Lost between the last two reports; not more than a second lies between them. */
  get lostLately(): number {
    return this.#statistics?.lostLately ?? 0
  }

  /** The same as a share of what was expected, 0…1. */
  get lossShare(): number {
    return this.#statistics?.lossShare ?? 0
  }

  /** One packet of the SSRC itself, duplicates too. */
  received(ssrc: number, clockRate: number, extSeq: number, timestamp: number, arrivedMs: number): void {
    this.#statistics ??= new ReceptionStatistics(ssrc, clockRate, extSeq)
    this.#statistics.received(extSeq, timestamp, arrivedMs)
  }

  /** Another run begins. */
  restart(): void {
    this.#lostBefore += this.#statistics?.lost ?? 0
    this.#statistics = null
    this.#hasSenderReport = false
  }

  /**
   * A sender report of the SSRC that is forwarded.
   * @returns whether it is taken: each goes to all subscribers, so that it must not come too soon after the one before
   */
  takeSenderReport(report: SenderReport, arrivedMs: number): boolean {
    if (this.#statistics === null || arrivedMs - this.#senderReportMs < SENDER_REPORT_MS) return false
    this.#senderReportMs = arrivedMs
    this.#statistics.senderReport(middleNtp(report), arrivedMs)
    Object.assign(this.#senderReport, report)
    this.#hasSenderReport = true
    return true
  }

  /**
   * What to add to a timestamp of this encoding to get that of another one for the same moment, by the sender reports of
   * both (RFC 3550 §6.4.1). Modulo 2^32; NaN when one has not reported.
   */
  offsetFrom(origin: SenderReport | null, clockRate: number): number {
    const report = this.senderReport
    if (report === null || origin === null) return Number.NaN
    const seconds = report.ntpSeconds - origin.ntpSeconds + (report.ntpFraction - origin.ntpFraction) / 0x1_0000_0000
    return (origin.rtpTimestamp + Math.round(seconds * clockRate) - report.rtpTimestamp) >>> 0
  }

  /** Fills `block`. @returns false when nothing came yet */
  report(block: ReportBlock, nowMs: number): boolean {
    if (this.#statistics === null) return false
    this.#statistics.report(block, nowMs)
    const { lostLately, lossShare } = this.#statistics
    this.#unrepairedShare = unrepaired(lossShare, lostLately, this.repaired - this.#repairedBefore)
    this.#repairedBefore = this.repaired
    this.#lastSecond.tick(this.bytes, nowMs)
    return true
  }

  /** Payload bits of the last full second. */
  rateBps(nowMs: number): number {
    return this.#lastSecond.at(nowMs) * 8
  }

  /** @param rttMs round trip to the publisher, 0 = unknown */
  figures(nowMs: number, clockRate: number, rttMs: number): StreamFigures {
    const statistics = this.#statistics
    return {
      packets: this.packets,
      bytes: this.bytes,
      bytesLastSecond: this.#lastSecond.at(nowMs),
      nacks: this.nacked,
      retransmissions: this.repaired,
      lost: this.#lostBefore + (statistics?.lost ?? 0),
      lossShare: statistics?.lossShare ?? 0,
      unrepairedShare: this.#unrepairedShare,
      jitterMs: ((statistics?.jitter ?? 0) * 1000) / clockRate,
      rttMs,
    }
  }
}
