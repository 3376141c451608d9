/**
 * The path from one publisher to us, all its streams together: what arrived when, what it is told about that, and how
 * much it is asked for.
 */
import type { ReceiveStream, UplinkInfo } from '../control.js'
import { elementLength, findElement, readAbsSendTimeMs, readTransportSeq } from '../rtp/extensions/index.js'
import type { RtpView } from '../rtp/packet.js'
import { ArrivalReports } from './congestion/arrival-reports.js'
import { layerNeedBps } from './congestion/layer-need.js'
import { PublisherCap, UNLIMITED_BPS } from './congestion/publisher-cap.js'
import { ReceiveEstimate } from './congestion/receive-estimate.js'
import { SendClock } from './congestion/send-clock.js'
import type { ForwardContext } from './context.js'
import type { Layer } from './layers.js'
import type { Publication } from './publication.js'
import { type Reporter, sendArrivals } from './reports.js'

/** After so long abs-send-time begins again. */
const SEND_TIME_WRAP_MS = 64_000
/** Ticks of video timestamps per ms, and when those begin again. */
const VIDEO_TICKS = 90
const TIMESTAMP_WRAP_MS = 2 ** 32 / VIDEO_TICKS
/** The stream whose timestamps show the delay may be another one after so long a silence. */
const TIMED_SILENCE_MS = 2000
/** An estimate that fell is told at once, but no sooner than this after the report before. */
const URGENT_INTERVAL_MS = 200
/** Needs are looked at no more often: that costs as much as there are viewers. */
const NEEDS_INTERVAL_MS = 200

export class Uplink {
  readonly #context: ForwardContext
  readonly #reporter: Reporter
  readonly #cap: PublisherCap
  /** Id of the transport-wide number, one for the whole bundle (RFC 8843 §9.2); 0 = not negotiated. */
  #transportSeqId = 0
  #arrivals: ArrivalReports | null = null
  #feedbackSent = 0
  /** Estimate of the path from a publisher of video that does not number its packets; null for others. */
  #estimate: ReceiveEstimate | null = null
  #sendTimeId = 0
  #clock = new SendClock(SEND_TIME_WRAP_MS)
  /** By payload type: 1 = video, no retransmissions. */
  readonly #videoTypes = new Uint8Array(128)
  #timedSsrc = -1
  #timedMs = 0
  /** The estimate fell and the publisher does not know. */
  #urgent = false
  #weighedMs = Number.NEGATIVE_INFINITY

  constructor(context: ForwardContext, reporter: Reporter) {
    this.#context = context
    this.#reporter = reporter
    this.#cap = new PublisherCap(context.maxPublisherBps)
  }

  /** What the publisher is asked for, bit/s: what is needed, and what its path holds as far as that is ours to say. */
  get capBps(): number {
    return Math.min(this.#cap.capBps, this.#estimate?.rateBps ?? UNLIMITED_BPS)
  }

  /** Takes over what was negotiated. */
  configure(streams: readonly ReceiveStream[]): void {
    // What comes from another worker was measured there.
    if (this.#reporter.routes.length > 0) return
    const ids = streams.map(({ extensions }) => extensions['transport-cc'] ?? 0)
    this.#transportSeqId = ids.find((id) => id !== 0) ?? 0
    if (this.#transportSeqId === 0) this.#arrivals = null
    else this.#arrivals ??= new ArrivalReports()
    const video = streams.filter(({ kind }) => kind === 'video')
    this.#videoTypes.fill(0)
    for (const { pt } of video.flatMap(({ payloadTypes }) => payloadTypes)) this.#videoTypes[pt] = 1
    const sendTimeId = video.find(({ extensions }) => extensions['abs-send-time'])?.extensions['abs-send-time'] ?? 0
    if (sendTimeId !== this.#sendTimeId || this.#arrivals !== null || video.length === 0) this.#estimate = null
    this.#sendTimeId = sendTimeId
    if (this.#arrivals !== null || video.length === 0 || this.#estimate !== null) return
    this.#estimate = new ReceiveEstimate(this.#context.maxPublisherBps)
    this.#clock = new SendClock(sendTimeId === 0 ? TIMESTAMP_WRAP_MS : SEND_TIME_WRAP_MS)
  }

  /** One RTP packet of any stream of the peer, padding and retransmissions too. `view` was read from the io's `rx`. */
  received(nowMs: number, view: RtpView, length: number): void {
    const arrivals = this.#arrivals
    // The sender is told about its path, not about this program.
    const { waitedUs } = this.#context
    if (arrivals === null) {
      if (this.#estimate?.arrived(nowMs - waitedUs / 1000, this.#sentMs(nowMs, view), length)) {
        this.#urgent = true
        this.#context.wake(Math.max(nowMs, this.#weighedMs + URGENT_INTERVAL_MS))
      }
      return
    }
    if (view.extensionLength === 0) return
    const { rx } = this.#context.io
    const at = findElement(rx, view, this.#transportSeqId)
    if (at < 0 || elementLength(rx, view, at) < 2) return
    const idle = arrivals.dueMs === Number.POSITIVE_INFINITY
    if (arrivals.arrived(nowMs, readTransportSeq(rx, at), view.ssrc, length, waitedUs)) this.#report(nowMs, arrivals)
    else if (idle) this.#context.wake(arrivals.deadlineMs)
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    const arrivals = this.#arrivals
    if (arrivals === null) return Number.POSITIVE_INFINITY
    if (nowMs >= arrivals.deadlineMs) this.#report(nowMs, arrivals)
    return arrivals.deadlineMs
  }

  /**
   * Looks at what subscribers need.
   * @returns whether that became more than what the publisher was asked for
   */
  weigh(publications: readonly Publication[], nowMs: number): boolean {
    const cap = this.#cap
    cap.begin()
    for (const publication of publications) {
      if (publication.kind === 'audio') cap.sound(publication.rateBps(nowMs))
      // Whoever follows REMB alone needs half a minute to come back from a low one: it is not lowered for want of viewers.
      else {
        const { choices } = publication
        const watchedBps = Math.max(neededBps(publication, choices), publication.needs.bps(nowMs))
        const bps = watchedBps || (this.#estimate !== null ? UNLIMITED_BPS : 0)
        if (choices.length > 1) cap.layers(this.#estimate === null ? bps : UNLIMITED_BPS)
        else cap.video(bps)
      }
    }
    this.#urgent = false
    this.#weighedMs = nowMs
    return cap.settle(nowMs)
  }

  /** Whether the publisher should hear at once of what it is asked for now: needs rose, or the estimate fell. */
  mustTell(publications: readonly Publication[], nowMs: number): boolean {
    if (this.#urgent) return nowMs - this.#weighedMs >= URGENT_INTERVAL_MS
    return this.#cap.lowered && nowMs - this.#weighedMs >= NEEDS_INTERVAL_MS && this.weigh(publications, nowMs)
  }

  /** The loss on one m-line between two reports. @param share 0…1 */
  lost(share: number, nowMs: number): void {
    const lost = Math.round(share * 100)
    this.#estimate?.reported(100 - lost, lost, nowMs)
  }

  info(): UplinkInfo {
    const { capBps } = this
    const estimateBps = this.#estimate?.rateBps
    const transportCc = this.#transportSeqId !== 0
    return { transportCc, feedbackSent: this.#feedbackSent, capBps, ...(estimateBps !== undefined && { estimateBps }) }
  }

  /** When the packet was sent, by a clock without wraps; NaN when it does not say. */
  #sentMs(nowMs: number, view: RtpView): number {
    const id = this.#sendTimeId
    if (id === 0) return this.#frameMs(nowMs, view)
    const { rx } = this.#context.io
    const at = findElement(rx, view, id)
    if (at < 0 || elementLength(rx, view, at) < 3) return Number.NaN
    return this.#clock.unwrap(readAbsSendTimeMs(rx, at))
  }

  /** When its picture was taken, which is nearly when it was sent: of one stream, since each has its own origin. */
  #frameMs(nowMs: number, view: RtpView): number {
    if (this.#videoTypes[view.pt] === 0) return Number.NaN
    if (view.ssrc !== this.#timedSsrc) {
      if (this.#timedSsrc >= 0 && nowMs - this.#timedMs < TIMED_SILENCE_MS) return Number.NaN
      this.#timedSsrc = view.ssrc
      this.#clock = new SendClock(TIMESTAMP_WRAP_MS)
    }
    this.#timedMs = nowMs
    return this.#clock.unwrap(view.timestamp / VIDEO_TICKS)
  }

  #report(nowMs: number, arrivals: ArrivalReports): void {
    const sent = sendArrivals(this.#context, this.#reporter, arrivals, nowMs)
    this.#feedbackSent += sent
    this.#context.totals.transport_cc_sent += sent
  }
}

/** What the best-served subscriber of an m-line on this worker can use of its layers; 0 = nobody watches. */
export function neededBps({ subscriptions }: Publication, choices: readonly Layer[]): number {
  let mostBps = 0
  for (const { preference, allowedBps } of subscriptions) {
    if (preference.paused === true) continue
    const wishBps = choices.length > 1 ? layerNeedBps(choices, preference) : UNLIMITED_BPS
    mostBps = Math.max(mostBps, Math.min(allowedBps, wishBps))
    if (mostBps === UNLIMITED_BPS) break
  }
  return mostBps
}
