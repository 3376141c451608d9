/**
 * What the publisher of one encoding is asked for: packets that are missing (NACK, RFC 4585 §6.2.1) and keyframes (PLI, §6.3.1).
 * It is asked for nothing of an encoding that nobody gets.
 */
import type { MediaKind } from '../control.js'
import type { ForwardContext } from './context.js'
import type { EncodingReports } from './encoding-reports.js'
import { KeyframeDetection } from './keyframe-detection.js'
import { KeyframeRequests } from './keyframes.js'
import { MAX_HOLES, NackGenerator, newNackResult } from './nack-generator.js'
import { type Reporter, sendNack, sendPli } from './reports.js'
import type { Watch } from './watch.js'

const nackSeqs = new Uint16Array(MAX_HOLES)
const nackResult = newNackResult()

export class EncodingRequests {
  readonly detection = new KeyframeDetection()
  /** Whom the requests are about; null before the first packet: until then there is nobody to ask. */
  source: { readonly ssrc: number } | null = null
  readonly #context: ForwardContext
  readonly #reporter: Reporter
  readonly #kind: MediaKind
  readonly #watch: Watch
  readonly #reports: EncodingReports
  readonly #nacks: NackGenerator
  readonly #keyframes = new KeyframeRequests()

  /**
   * @param reporter who asks the publisher @param watch whether anybody gets the encoding
   * @param reports counts what is asked for
   */
  constructor(context: ForwardContext, reporter: Reporter, kind: MediaKind, watch: Watch, reports: EncodingReports) {
    this.#context = context
    this.#reporter = reporter
    this.#kind = kind
    this.#watch = watch
    this.#reports = reports
    this.#nacks = new NackGenerator(reporter.routes.length > 0)
  }

  // ---- packets

  /**
   * Packets `fromExtSeq … toExtSeq` (not itself) are missing.
   * @returns false when they are too many to ask for: all that were missing are forgotten, and a keyframe is needed
   */
  missing(fromExtSeq: number, toExtSeq: number, nowMs: number): boolean {
    if (!this.#nacks.missing(fromExtSeq, toExtSeq, nowMs)) return false
    this.#context.wake(this.#nacks.deadlineMs)
    return true
  }

  /** A packet came behind newer ones. @param overtaken it was reordered, not retransmitted (the publisher uses RTX) */
  received(extSeq: number, nowMs: number, overtaken: boolean): void {
    this.#nacks.received(extSeq, nowMs, overtaken)
  }

  /** What is missing is asked for no more. */
  forgetMissing(): void {
    this.#nacks.reset()
  }

  /** Round trip to the publisher as its retransmissions show it, in ms; 0 = unknown. */
  get rttMs(): number {
    return this.#nacks.rttMs
  }

  // ---- keyframes

  /** Whether a keyframe is needed that has not come. */
  get keyframeWanted(): boolean {
    return this.#keyframes.wanted
  }

  /** Somebody needs a keyframe: asked for at once, or when the throttle allows. */
  requestKeyframe(nowMs: number): void {
    if (!this.wantKeyframe()) return
    // Within a packet it waits for the end of it: that packet may be the keyframe.
    this.#context.wake(Math.max(nowMs, this.#keyframes.deadlineMs))
  }

  /** Like `requestKeyframe`, for a caller that calls `expire` at `deadlineMs`. @returns false when there is nobody to need one */
  wantKeyframe(): boolean {
    if (this.#kind !== 'video' || !this.#watch.watched) return false
    this.#context.totals.keyframe_requests++
    this.#keyframes.want()
    return true
  }

  /** A keyframe begins with packet `extSeq`. */
  keyframe(extSeq: number): void {
    this.#keyframes.satisfied()
    this.#nacks.keyframe(extSeq)
    this.#context.totals.keyframes_received++
  }

  /** Asks for the keyframe that is wanted, if the throttle allows. */
  askForKeyframe(nowMs: number): void {
    if (this.source === null || !this.#keyframes.take(nowMs)) return
    this.detection.asked(this.#keyframes.inVain)
    if (sendPli(this.#context, this.#reporter, this.source.ssrc)) this.#context.totals.pli_sent++
    this.#context.wake(this.#keyframes.deadlineMs)
  }

  // ---- both

  /** Drops all requests unless somebody gets the encoding. */
  dropUnwatched(): void {
    if (this.#watch.watched) return
    this.#keyframes.satisfied()
    this.#nacks.reset()
  }

  /** Sends what is due. */
  expire(nowMs: number): void {
    const { totals } = this.#context
    const ssrc = this.source?.ssrc ?? -1
    this.#nacks.take(nowMs, nackSeqs, nackResult)
    if (nackResult.asked > 0 && sendNack(this.#context, this.#reporter, ssrc, nackSeqs, nackResult.asked)) {
      totals.nack_sent += nackResult.asked
      this.#reports.nacked += nackResult.asked
    }
    totals.nack_given_up += nackResult.givenUp
    if (nackResult.needKeyframe > 0) this.wantKeyframe()
    if (this.#keyframes.wanted) this.askForKeyframe(nowMs)
  }

  /** When `expire` has something to do; Infinity when nothing is due. */
  get deadlineMs(): number {
    const missingMs = this.#nacks.deadlineMs
    // The first packet asks by itself.
    return this.source === null ? missingMs : Math.min(missingMs, this.#keyframes.deadlineMs)
  }
}
