/** What a receiver reports about one SSRC: loss (RFC 3550 appendix A.3) and interarrival jitter (A.8). */

import type { ReportBlock } from '../rtp/rtcp/report-block.js'
import { timestampDelta } from '../rtp/sequence.js'

export class ReceptionStatistics {
  readonly #ssrc: number
  readonly #clockRate: number
  /** First number received; an integer above 65,536, so that numbers from before it stay positive. */
  readonly #baseExtSeq: number
  #highestExtSeq: number
  #received = 0
  #expectedPrior = 0
  #receivedPrior = 0
  #jitter = 0
  /** Transit time of the last packet in timestamp units, from any origin. */
  #transit = 0
  #arrived = false
  #lastTimestamp = 0
  /** Lost between the last two reports. */
  lostLately = 0
  /** The same as a share of what was expected, 0…1. */
  lossShare = 0
  #lastSr = 0
  #lastSrMs = 0

  /** @param firstExtSeq of the first packet, for which `received` is then called too */
  constructor(ssrc: number, clockRate: number, firstExtSeq: number) {
    this.#ssrc = ssrc
    this.#clockRate = clockRate
    this.#baseExtSeq = firstExtSeq
    this.#highestExtSeq = firstExtSeq
  }

  /** One packet of the SSRC itself: recovered ones do not count (RFC 4588 §6.2). */
  received(extSeq: number, timestamp: number, arrivedMs: number): void {
    this.#received++
    if (extSeq > this.#highestExtSeq) this.#highestExtSeq = extSeq
    // Packets of one frame leave the encoder together: only the first says something about the network.
    if (this.#arrived && timestamp === this.#lastTimestamp) return
    const transit = Math.round((arrivedMs * this.#clockRate) / 1000) - timestamp
    if (this.#arrived) {
      const d = Math.abs(timestampDelta(transit, this.#transit))
      // A publisher's timestamps may jump; one jump must not fill the average for minutes.
      if (d < this.#clockRate * 5) this.#jitter += (d - this.#jitter) / 16
    }
    this.#arrived = true
    this.#transit = transit
    this.#lastTimestamp = timestamp
  }

  /** Lost so far; negative when duplicates outnumber losses. */
  get lost(): number {
    return this.#highestExtSeq - this.#baseExtSeq + 1 - this.#received
  }

  /** In timestamp units. */
  get jitter(): number {
    return this.#jitter
  }

  /** A sender report of this SSRC came. @param middleNtp middle 32 bits of its NTP time */
  senderReport(middleNtp: number, arrivedMs: number): void {
    this.#lastSr = middleNtp
    this.#lastSrMs = arrivedMs
  }

  /** Fills `block` with the report for the time since the last call. */
  report(block: ReportBlock, nowMs: number): void {
    const expected = this.#highestExtSeq - this.#baseExtSeq + 1
    const expectedNow = expected - this.#expectedPrior
    const lostNow = expectedNow - (this.#received - this.#receivedPrior)
    this.#expectedPrior = expected
    this.#receivedPrior = this.#received
    this.lostLately = Math.max(0, lostNow)
    this.lossShare = expectedNow <= 0 ? 0 : this.lostLately / expectedNow
    block.ssrc = this.#ssrc
    block.fractionLost = Math.min(255, Math.floor(this.lossShare * 256))
    block.cumulativeLost = expected - this.#received
    // Cycles count from the first packet, whose own cycle is 0.
    block.highestSeq = (this.#highestExtSeq - (this.#baseExtSeq - (this.#baseExtSeq % 0x10000))) % 0x1_0000_0000
    block.jitter = Math.floor(this.#jitter)
    block.lastSr = this.#lastSr
    block.delaySinceLastSr =
      this.#lastSr === 0 ? 0 : Math.min(0xffff_ffff, Math.round(((nowMs - this.#lastSrMs) * 65_536) / 1000))
  }
}
