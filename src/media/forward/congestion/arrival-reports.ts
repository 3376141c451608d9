/**
 * Transport-wide feedback to one publisher: when, and how much at once. As libwebrtc does it, feedback takes about
 * 5 % of what is received, in packets 50 to 250 ms apart; after a burst of losses, or a packet that is late, it goes
 * out soon. Time and bytes are arguments: whoever calls sends what `write` wrote.
 */
import { newArrivalFeedback, writeArrivalFeedback } from '../../rtp/rtcp/transport-cc.js'
import { ARRIVALS, Arrival, Arrivals } from './arrivals.js'

export const MIN_INTERVAL_MS = 50
export const MAX_INTERVAL_MS = 250
/** Share of the received rate that feedback may take. */
const SHARE = 0.05
/** A usual feedback packet, with IP, UDP and SRTCP. */
const USUAL_BYTES = 68
/** What browsers begin with, taken for the rate until it is known: the first reports decide how fast they go up. */
const FIRST_RATE_BPS = 300_000
/** After a burst of losses: so soon, and never sooner after the report before. */
const EARLY_MS = 10
const EARLY_INTERVAL_MS = 20
/** So many in a row are a burst: fewer are what any path loses. */
const BURST = 3
/** Pending numbers that go out whenever the last report was: far below what is remembered. */
const MANY = ARRIVALS / 4
/** Without a packet that finds the report due, a timer sends it so much later. */
const TIMER_MS = 100
/** Feedback packets written for one report. Whatever the numbers say, the rest waits. */
const MAX_PACKETS = 4

const feedback = newArrivalFeedback()
const arrivals = new Int32Array(ARRIVALS)

export class ArrivalReports {
  readonly #arrivals = new Arrivals()
  #mediaSsrc = 0
  #feedbackCount = 0
  #dueMs = Number.POSITIVE_INFINITY
  #lastMs = Number.NEGATIVE_INFINITY
  /** Since the last report. */
  #bytes = 0
  #rateBps = FIRST_RATE_BPS
  /** Packets written for the present report. */
  #written = 0

  /** Received in the recent past, in bit/s. */
  get rateBps(): number {
    return this.#rateBps
  }

  /** When a report is to be sent if packets keep coming; Infinity when there is nothing to report. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** When it is to be sent although no packet comes; Infinity when there is nothing to report. */
  get deadlineMs(): number {
    return this.#dueMs + TIMER_MS
  }

  /**
   * One packet. A few stores.
   * @param seq its transport-wide number, 16 bits
   * @param length in bytes
   * @param waitedUs since it arrived, which is when it is told to have
   * @returns whether a report is due now
   */
  arrived(nowMs: number, seq: number, ssrc: number, length: number, waitedUs: number): boolean {
    const missing = this.#arrivals.arrived(seq, nowMs - waitedUs / 1000)
    if (missing === Arrival.ignored) return false
    this.#mediaSsrc = ssrc
    this.#bytes += length
    if (this.#dueMs === Number.POSITIVE_INFINITY) this.#dueMs = Math.max(nowMs, this.#lastMs + this.#intervalMs)
    if (missing === Arrival.late || missing >= BURST || this.#arrivals.pending >= MANY) {
      this.#dueMs = Math.min(this.#dueMs, Math.max(nowMs + EARLY_MS, this.#lastMs + EARLY_INTERVAL_MS))
    }
    return nowMs >= this.#dueMs
  }

  /**
   * Writes the next packet of the report that is due. Called again until it gives 0.
   * @param maxLength in bytes, at least 24
   * @returns its length; 0 when the report is complete, and the next one has been scheduled
   */
  write(nowMs: number, bytes: Uint8Array, offset: number, senderSsrc: number, maxLength: number): number {
    const count = this.#written < MAX_PACKETS ? this.#arrivals.next(feedback, arrivals) : 0
    if (count === 0) {
      this.#complete(nowMs)
      return 0
    }
    feedback.feedbackCount = this.#feedbackCount
    const length = writeArrivalFeedback(
      bytes,
      offset,
      senderSsrc,
      this.#mediaSsrc,
      feedback,
      arrivals,
      count,
      maxLength,
    )
    this.#arrivals.reported(feedback.statusCount)
    this.#feedbackCount = (this.#feedbackCount + 1) & 0xff
    this.#written++
    return length
  }

  #complete(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs
    if (elapsedMs > 0 && elapsedMs < Number.POSITIVE_INFINITY) {
      this.#rateBps += ((this.#bytes * 8000) / elapsedMs - this.#rateBps) / 4
    }
    this.#bytes = 0
    this.#written = 0
    this.#lastMs = nowMs
    this.#dueMs = this.#arrivals.pending > 0 ? nowMs + EARLY_INTERVAL_MS : Number.POSITIVE_INFINITY
  }

  get #intervalMs(): number {
    const ms = (USUAL_BYTES * 8 * 1000) / (SHARE * this.#rateBps)
    return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, ms))
  }
}
