/**
 * The path from one publisher to us, all its streams together: what arrived when, what it is told about that, and how
 * much it is asked for.
 */
import type { ReceiveStream, UplinkInfo } from '../control.js'
import { elementLength, findElement, readTransportSeq } from '../rtp/extensions/index.js'
import type { RtpView } from '../rtp/packet.js'
import { ArrivalReports } from './congestion/arrival-reports.js'
import { ALL, PublisherCap } from './congestion/publisher-cap.js'
import type { ForwardContext } from './context.js'
import type { Publication } from './publication.js'
import { type Reporter, sendArrivals } from './reports.js'

export class Uplink {
  readonly #context: ForwardContext
  readonly #reporter: Reporter
  readonly #cap: PublisherCap
  /** Id of the transport-wide number, one for the whole bundle (RFC 8843 §9.2); 0 = not negotiated. */
  #transportSeqId = 0
  #arrivals: ArrivalReports | null = null
  #feedbackSent = 0

  constructor(context: ForwardContext, reporter: Reporter) {
    this.#context = context
    this.#reporter = reporter
    this.#cap = new PublisherCap(context.maxPublisherBps)
  }

  /** What the publisher is asked for, bit/s. */
  get capBps(): number {
    return this.#cap.capBps
  }

  /** Takes over what was negotiated. */
  configure(streams: readonly ReceiveStream[]): void {
    const ids = streams.map(({ extensions }) => extensions['transport-cc'] ?? 0)
    this.#transportSeqId = ids.find((id) => id !== 0) ?? 0
    if (this.#transportSeqId === 0) this.#arrivals = null
    else this.#arrivals ??= new ArrivalReports()
  }

  /** One RTP packet of any stream of the peer, padding and retransmissions too. `view` was read from the io's `rx`. */
  received(nowMs: number, view: RtpView, length: number): void {
    const arrivals = this.#arrivals
    if (arrivals === null || view.extensionLength === 0) return
    const { rx } = this.#context.io
    const at = findElement(rx, view, this.#transportSeqId)
    if (at < 0 || elementLength(rx, view, at) < 2) return
    const idle = arrivals.dueMs === Number.POSITIVE_INFINITY
    if (arrivals.arrived(nowMs, readTransportSeq(rx, at), view.ssrc, length)) this.#report(nowMs, arrivals)
    else if (idle) this.#context.wake(arrivals.timerMs)
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    const arrivals = this.#arrivals
    if (arrivals === null) return Number.POSITIVE_INFINITY
    if (nowMs >= arrivals.timerMs) this.#report(nowMs, arrivals)
    return arrivals.timerMs
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
      else cap.video(publication.subscriptions.length > 0 ? ALL : 0)
    }
    return cap.settle(nowMs)
  }

  /** Whether needs are worth a look more often than with each report: they could have grown. */
  get lowered(): boolean {
    return this.#cap.lowered
  }

  info(): UplinkInfo {
    return { transportCc: this.#transportSeqId !== 0, feedbackSent: this.#feedbackSent, capBps: this.#cap.capBps }
  }

  #report(nowMs: number, arrivals: ArrivalReports): void {
    const sent = sendArrivals(this.#context, this.#reporter, arrivals, nowMs)
    this.#feedbackSent += sent
    this.#context.totals.transport_cc_sent += sent
  }
}
