/**
 * The packets of one connection on their way through a bottleneck: what was sent, what the receiver says of it, and
 * what follows for the delay, the loss and the rate. Connections of one client share a `Bottleneck`.
 */
import type { ArrivalFeedback } from '../../rtp/rtcp/index.js'
import { AcknowledgedRate } from './acknowledged-rate.js'
import { DelayDetector } from './delay-detector.js'
import { Acknowledged, FeedbackReader } from './feedback-reader.js'
import type { Usage } from './overuse-detector.js'
import { type Cluster, ProbeEstimator } from './probe-estimator.js'
import { QueueMeter } from './queue-meter.js'
import { NO_CLUSTER, SentPackets } from './sent-packets.js'

/** What a packet is longer on the wire than its payload: IP, UDP, RTP header and usual extensions, SRTP tag. */
export const OVERHEAD_BYTES = 20 + 8 + 12 + 20 + 16
/** Without feedback for so long the rate that came through is not known any more. */
const STALE_MS = 2000
/** Share of a new round trip in the smoothed one. */
const RTT_WEIGHT = 0.25
/** No path is longer. */
const MAX_RTT_MS = 10_000
/** REMB is repeated at least every second; older than this it is gone. */
const REMB_MS = 5000

const acknowledged = new Acknowledged()

export class Flow {
  readonly sent = new SentPackets()
  readonly probes = new ProbeEstimator()
  readonly reader = new FeedbackReader()
  readonly #detector = new DelayDetector()
  readonly #rate = new AcknowledgedRate()
  readonly #queue = new QueueMeter()
  /** Smoothed; 0 = unknown. */
  rttMs = 0
  /** The same without the wait before the link. */
  emptyRttMs = 0
  /** When feedback came last; −Infinity = never. */
  feedbackMs = Number.NEGATIVE_INFINITY
  /** Packets that feedback told of since the last `takeLoss`. */
  #received = 0
  #lost = 0
  #rembBps = 0
  #rembMs = Number.NEGATIVE_INFINITY
  /** The probe that packets belong to which are sent now, media too; null = none. */
  cluster: Cluster | null = null

  /** One packet goes out under a transport-wide number. The hot path: a few stores. @param payloadBytes without headers */
  record(seq: number, payloadBytes: number, nowMs: number): void {
    const bytes = payloadBytes + OVERHEAD_BYTES
    const { cluster } = this
    if (cluster === null) return this.sent.record(seq, nowMs, bytes, NO_CLUSTER)
    cluster.packets++
    cluster.bytes += bytes
    this.sent.record(seq, nowMs, bytes, cluster.id)
  }

  /** Feedback came, read by `readArrivalFeedback` into `times`. @param arrivedMs when, ≤ `nowMs`: round trips end there */
  take(feedback: ArrivalFeedback, times: Int32Array, arrivedMs: number, nowMs: number): void {
    this.reader.read(feedback, times, this.sent, acknowledged)
    const { count, sentMs, arrivedMs: arrivalsMs, bytes, clusters } = acknowledged
    this.#received += count
    this.#lost += acknowledged.lost
    for (let i = 0; i < count; i++) {
      // Probes are meant to fill the link: what they show is theirs to say, and what comes behind them waited for them.
      if (clusters[i] !== NO_CLUSTER) this.#detector.skip()
      else this.#detector.add(sentMs[i]!, arrivalsMs[i]!, arrivedMs)
      this.#queue.add(sentMs[i]!, arrivalsMs[i]!, bytes[i]!)
      this.#rate.add(arrivalsMs[i]!, bytes[i]!)
      this.probes.add(clusters[i]!, sentMs[i]!, arrivalsMs[i]!, bytes[i]!)
    }
    // Feedback about nothing that was sent is no sign of life.
    if (count === 0 && acknowledged.lost <= 0) return
    this.feedbackMs = nowMs
    if (count === 0) return
    const rttMs = arrivedMs - sentMs[count - 1]!
    // A wall clock was set while it waited.
    if (rttMs < 0) return
    this.#roundTrip(rttMs)
    const emptyMs = Math.max(0, Math.min(MAX_RTT_MS, rttMs) - this.#queue.queueMs)
    this.emptyRttMs = this.emptyRttMs === 0 ? emptyMs : this.emptyRttMs + RTT_WEIGHT * (emptyMs - this.emptyRttMs)
  }

  /** What the delay of its packets says; `normal` when nothing is known. */
  usage(nowMs: number): Usage {
    return nowMs - this.feedbackMs > STALE_MS ? 'normal' : this.#detector.usage
  }

  /** What came through lately in bit/s; NaN = not known. */
  acknowledgedBps(nowMs: number): number {
    return nowMs - this.feedbackMs > STALE_MS ? Number.NaN : this.#rate.bps
  }

  /** How much longer than others of late the last packet was on its way. */
  get queueMs(): number {
    return this.#queue.queueMs
  }

  /** What came through while packets waited before the link, in bit/s: what it holds. NaN = none did lately. */
  busyBps(nowMs: number): number {
    return nowMs - this.feedbackMs > STALE_MS ? Number.NaN : this.#queue.busyBps
  }

  /** Packets told of since the last call, for the loss of the bottleneck. */
  takeLoss(into: { received: number; lost: number }): void {
    into.received += this.#received
    into.lost += this.#lost
    this.#received = this.#lost = 0
  }

  /** Loss as receiver reports have it, of a peer that gives no transport-wide feedback. */
  reported(received: number, lost: number, rttMs: number): void {
    if (this.feedbackMs !== Number.NEGATIVE_INFINITY) return
    this.#received += received
    this.#lost += lost
    if (rttMs > 0) this.#roundTrip(rttMs)
  }

  /** The peer says what it estimates. */
  remb(bps: number, nowMs: number): void {
    this.#rembBps = bps
    this.#rembMs = nowMs
  }

  /** The peer's own estimate for this connection; NaN = none lately. */
  rembBps(nowMs: number): number {
    return nowMs - this.#rembMs > REMB_MS ? Number.NaN : this.#rembBps
  }

  /** Whether the peer says anything that targets can be chosen by. */
  get informed(): boolean {
    return this.feedbackMs !== Number.NEGATIVE_INFINITY || this.#rembMs !== Number.NEGATIVE_INFINITY
  }

  /** Whether feedback comes: it did lately, or there was nothing to tell of since. */
  answers(nowMs: number): boolean {
    return nowMs - this.feedbackMs <= STALE_MS || this.sent.newestMs <= this.feedbackMs
  }

  #roundTrip(rttMs: number): void {
    if (!(rttMs >= 0 && rttMs <= MAX_RTT_MS)) return
    this.rttMs = this.rttMs === 0 ? Math.max(1, rttMs) : this.rttMs + RTT_WEIGHT * (rttMs - this.rttMs)
  }
}
