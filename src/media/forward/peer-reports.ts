/**
 * The reports to one publisher about what it sends, once a second while RTP comes: receiver reports, with the most that it is
 * asked for (REMB). On a mirror it is the publisher's worker that is told, and what is needed there.
 */
import type { EndpointId } from '../control.js'
import { UNLIMITED_BPS } from './congestion/publisher-cap.js'
import type { ForwardContext } from './context.js'
import type { Publication } from './publication.js'
import { needToWire } from './relay/needs.js'
import { MAX_BLOCKS, newReportBlocks, type Reporter, sendReceiverReport } from './reports.js'
import { forwardSenderReport } from './sender-reports.js'
import { neededBps, type Uplink } from './uplink.js'

const REPORT_INTERVAL_MS = 1000
/** The first report soon after the first packet: it carries the REMB that lets Chrome leave 300 kbit/s. */
const FIRST_REPORT_MS = 100

const blocks = newReportBlocks()
const rembSsrcs: number[] = []

export class PeerReports {
  readonly #context: ForwardContext
  readonly #endpoint: EndpointId
  readonly #reporter: Reporter
  readonly #uplink: Uplink
  readonly #publications: readonly Publication[]
  #dueMs = Number.POSITIVE_INFINITY

  /** @param reporter who reports to the publisher @param publications of the peer, as they come and go */
  constructor(
    context: ForwardContext,
    endpoint: EndpointId,
    reporter: Reporter,
    uplink: Uplink,
    publications: readonly Publication[],
  ) {
    this.#context = context
    this.#endpoint = endpoint
    this.#reporter = reporter
    this.#uplink = uplink
    this.#publications = publications
  }

  /** RTP came: reports begin. */
  heard(nowMs: number): void {
    if (this.#dueMs !== Number.POSITIVE_INFINITY) return
    this.#dueMs = nowMs + FIRST_REPORT_MS
    this.#context.wake(this.#dueMs)
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#dueMs = Number.POSITIVE_INFINITY
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    if (this.#uplink.mustTell(this.#publications, nowMs)) this.#dueMs = nowMs
    if (nowMs >= this.#dueMs) this.#dueMs = this.#report(nowMs) ? nowMs + REPORT_INTERVAL_MS : Number.POSITIVE_INFINITY
    return this.#dueMs
  }

  /** @returns false when there is nothing to report on, so that reports pause until RTP comes again */
  #report(nowMs: number): boolean {
    let count = 0
    let reported = false
    rembSsrcs.length = 0
    for (const publication of this.#publications) {
      for (const encoding of publication.encodings) {
        encoding.tidy(nowMs)
        forwardSenderReport(this.#context, encoding, true, nowMs)
        if (!encoding.receiving(nowMs) || !encoding.report(blocks[count]!, nowMs)) continue
        if (publication.kind === 'video') {
          rembSsrcs.push(encoding.ssrc)
          this.#uplink.lost(blocks[count]!.fractionLost / 256, nowMs)
        }
        reported = true
        if (++count < MAX_BLOCKS) continue
        this.#send(count, nowMs)
        count = 0
      }
      if (!publication.receiving) continue
      this.#noteLoss(publication, nowMs)
      for (const subscription of publication.subscriptions) subscription.tick(nowMs)
    }
    if (count > 0) this.#send(count, nowMs)
    return reported
  }

  /** Sends the first `count` blocks and the ceiling for their streams. */
  #send(count: number, nowMs: number): void {
    this.#uplink.weigh(this.#publications, nowMs)
    if (this.#reporter.routes.length > 0) return this.#sendNeeds()
    if (sendReceiverReport(this.#context, this.#reporter, blocks, count, this.#uplink.capBps, rembSsrcs)) {
      this.#context.totals.rr_sent++
      if (rembSsrcs.length > 0) this.#context.totals.remb_sent++
    }
    rembSsrcs.length = 0
  }

  /** Tells the worker of the publisher what is needed here: one REMB for each m-line, for the encodings that somebody gets. */
  #sendNeeds(): void {
    for (const publication of this.#publications) {
      const ssrcs = publication.encodings
        .filter(({ watch, ssrc }) => watch.watched && ssrc >= 0)
        .map(({ ssrc }) => ssrc)
      if (ssrcs.length === 0) continue
      const bps = publication.kind === 'audio' ? UNLIMITED_BPS : neededBps(publication, publication.choices)
      sendReceiverReport(this.#context, this.#reporter, blocks, 0, needToWire(bps), ssrcs)
    }
  }

  /** Counts the loss between two reports, and tells when it is much. */
  #noteLoss(publication: Publication, nowMs: number): void {
    const { distributions, events, settings } = this.#context
    const isMirror = this.#reporter.routes.length > 0
    let lost = 0
    for (const encoding of publication.encodings) {
      lost += encoding.reports.lostLately
      if (encoding.receiving(nowMs) && !isMirror) distributions.lossUp.add(encoding.reports.lossShare)
    }
    if (settings.slowlinkThreshold === 0 || lost < settings.slowlinkThreshold) return
    events.slowlink(this.#endpoint, publication.mid, publication.kind, true, lost)
  }
}
