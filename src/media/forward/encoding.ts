/**
 * One encoding of an m-line: what a publisher sends under one rid, or all that it sends without simulcast. It has the
 * state of its SSRC, its losses and its history, and the subscriptions that get it. An encoding outlives its SSRC: when
 * the publisher goes on with another one, a new run begins, and to subscribers nothing changes but that numbers and
 * timestamps go on elsewhere.
 */
import type { EncodingInfo } from '../control.js'
import { newRtpView, RtpFault, type RtpView, readRtp } from '../rtp/packet.js'
import type { ReportBlock, SenderReport } from '../rtp/rtcp/index.js'
import { unwrapSeq } from '../rtp/sequence.js'
import { SILENCE_MS } from './activity.js'
import { Allowance } from './allowance.js'
import { RED } from './codec-table.js'
import { arrivedMs, type ForwardContext } from './context.js'
import type { EncodingLine } from './encoding-line.js'
import { EncodingReports } from './encoding-reports.js'
import { EncodingRequests } from './encoding-requests.js'
import { fanOut } from './fan-out.js'
import { type History, historyOf } from './history.js'
import { LayerReader } from './layer-reader.js'
import { MAX_TEMPORAL } from './layers.js'
import { MAX_HOLES } from './nack-generator.js'
import { newPacket } from './packet.js'
import { Pictures } from './pictures.js'
import { JUMPED, Placement } from './placement.js'
import { LayerRates } from './rates.js'
import type { Reporter } from './reports.js'
import { OSN_BYTES, primarySkipOf } from './retransmit.js'
import type { Source } from './ssrc-table.js'
import type { Subscription } from './subscription.js'
import { Drop } from './totals.js'
import { Watch } from './watch.js'

/**
 * After so much silence nobody asks for what came before it, and the memory is given back. Not sooner: of a screen that
 * changes every few seconds, a lost packet shows only when the next one comes.
 */
const REST_MS = 10_000
/** A publisher may begin anew so often: each time costs as much as there are subscribers, and a keyframe. */
const RESTARTS_PER_MS = 0.005
const RESTARTS_BURST = 5

const packet = newPacket()
const waitedView = newRtpView()
const one: Subscription[] = []

export type EncodingSource = Source<Encoding>

export class Encoding {
  /** No other encoding of the router has it. */
  readonly id: number
  readonly line: EncodingLine<Encoding>
  rid: string
  readonly history: History
  /** Connected, unpaused subscriptions that get it: what the packet loop walks. */
  readonly subscriptions: Subscription[] = []
  readonly rates = new LayerRates()
  readonly layers: LayerReader
  /** What its last packets said about layers and pictures; null when they say nothing. */
  pictures: Pictures | null = null
  /** What `#noticeLayers` saw last. */
  #layersSeen = 1
  #versionSeen = 0
  readonly #context: ForwardContext
  readonly #requests: EncodingRequests
  readonly #placement = new Placement()
  readonly #restarts = new Allowance(RESTARTS_PER_MS, RESTARTS_BURST)
  /** Changes with every new SSRC or reset of its numbers; unique in the router. */
  run: number
  #current: EncodingSource | null = null
  #lastMs = Number.NEGATIVE_INFINITY
  readonly watch = new Watch()
  /** What is counted of it, and reported. */
  readonly reports = new EncodingReports()
  /** Whether RTX ever came: then nothing else is a retransmission. */
  #rtxCame = false
  /** @param reporter who reports to this publisher and asks it for packets */
  constructor(context: ForwardContext, reporter: Reporter, line: EncodingLine<Encoding>, rid: string) {
    this.id = context.nextRun()
    this.run = context.nextRun()
    this.line = line
    this.rid = rid
    this.#context = context
    this.#requests = new EncodingRequests(context, reporter, line.kind, this.watch, this.reports)
    this.layers = new LayerReader(context.totals)
    this.history = historyOf(line.kind, context.maxPublisherBps)
  }

  /** The SSRC that is forwarded, −1 before the first packet. */
  get ssrc(): number {
    return this.#current?.ssrc ?? -1
  }

  /** When RTP came last; −Infinity before the first packet. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** Unwrapped number of the newest packet. */
  get newestExtSeq(): number {
    return this.#placement.newestExtSeq
  }

  /** Whether RTP came within the last second. */
  receiving(nowMs: number): boolean {
    return nowMs - this.#lastMs < SILENCE_MS
  }

  /** Round trip to the publisher as its retransmissions show it; 0 = unknown. */
  get rttMs(): number {
    return this.#requests.rttMs
  }

  // ---- who gets it

  /**
   * From now on `subscription` gets it, video from a keyframe on.
   * @param origin sender report of the encoding that it got before
   */
  join(subscription: Subscription, origin: SenderReport | null): void {
    this.subscriptions.push(subscription)
    subscription.source = this
    this.watch.join()
    subscription.start(
      this.run,
      this.line.stream.clockRate,
      this.id,
      this.reports.offsetFrom(origin, this.line.stream.clockRate),
    )
  }

  /** From now on `subscription` does not get it. Packets are kept a while longer: it may still ask for some. */
  leave(subscription: Subscription, nowMs: number): void {
    const at = this.subscriptions.indexOf(subscription)
    if (at >= 0) this.subscriptions.splice(at, 1)
    if (subscription.source === this) subscription.source = null
    if (this.pictures !== null) subscription.remember(this.pictures)
    if (at >= 0) this.watch.leave(nowMs)
    this.#requests.dropUnwatched()
  }

  /** A subscription begins, or ends, to wait for a keyframe of this encoding. */
  wait(count: 1 | -1): void {
    this.watch.wait(count)
    this.#requests.dropUnwatched()
  }

  /** Gives back what was kept for nobody: of a stream that nobody gets. About once a second. */
  tidy(nowMs: number): void {
    this.watch.expire(nowMs)
    this.#requests.dropUnwatched()
    if (!this.watch.keeps(nowMs)) this.history.rest()
  }

  // ---- the packet path

  /** One media packet, its header read into `view`. @returns why it is not forwarded, or `Drop.none` */
  media(nowMs: number, source: EncodingSource, view: RtpView, offset: number): number {
    const codec = this.line.types.codec[view.pt]!
    if (codec < 0) return Drop.payloadType
    source.lastMs = nowMs
    if (source !== this.#current && !this.#takeOver(source, nowMs)) return Drop.inactiveSsrc
    if (nowMs - this.#lastMs > SILENCE_MS) this.watch.resume(nowMs)
    this.#lastMs = nowMs
    this.line.heard(nowMs)
    let extSeq = this.#placement.place(view.seq, this.history.window)
    if (extSeq === JUMPED) {
      if (this.reports.begun) {
        if (this.#restarts.take(1, nowMs) === 0) return Drop.jump
        this.#beginRun(nowMs)
      }
      extSeq = this.#placement.begin(view.seq)
    } else if (extSeq < 0) return -extSeq
    const at = arrivedMs(this.#context, nowMs)
    this.reports.received(view.ssrc, this.line.stream.clockRate, extSeq, view.timestamp, at)
    if (this.history.received(extSeq)) return Drop.duplicate
    this.#arrived(extSeq, nowMs, this.#rtxCame)
    this.#forward(nowMs, view, offset, extSeq, codec, 0)
    return Drop.none
  }

  /** One RTX packet (RFC 4588 §4): the original's payload behind its 2-byte sequence number. */
  rtx(nowMs: number, source: EncodingSource, view: RtpView, offset: number): number {
    const { types } = this.line
    const pt = types.apt[view.pt]!
    const codec = pt < 0 ? -1 : types.codec[pt]!
    if (codec < 0) return Drop.payloadType
    const current = this.#current
    if (current === null || !this.reports.begun) return Drop.inactiveSsrc
    if (source.repairs >= 0 && source.repairs !== current.ssrc) return Drop.inactiveSsrc
    source.lastMs = nowMs
    if (view.payloadLength <= OSN_BYTES) return Drop.rtxEmpty
    this.#rtxCame = true
    const { rx } = this.#context.io
    const newest = this.#placement.newestExtSeq
    const extSeq = unwrapSeq(newest, (rx[view.payloadOffset]! << 8) | rx[view.payloadOffset + 1]!)
    if (extSeq - newest > MAX_HOLES) return Drop.jump
    if (extSeq - newest <= -this.history.window) return Drop.late
    if (this.history.received(extSeq)) return Drop.duplicate
    this.reports.repaired++
    this.#arrived(extSeq, nowMs, false)
    this.#forward(nowMs, view, offset, extSeq, codec, OSN_BYTES)
    return Drop.none
  }

  /** Whether packets of `source` are taken from now on. A new SSRC of the encoding is the same track going on. */
  #takeOver(source: EncodingSource, nowMs: number): boolean {
    const current = this.#current
    if (current !== null) {
      if (source.replaced && nowMs - this.#lastMs < SILENCE_MS) return false
      if (this.#restarts.take(1, nowMs) === 0) return false
      current.replaced = true
      this.#beginRun(nowMs)
    }
    source.replaced = false
    this.#current = this.#requests.source = source
    if (current === null) {
      this.#lastMs = nowMs
      this.line.began(nowMs)
    }
    return true
  }

  /** Numbers from here on have nothing to do with those so far. */
  #beginRun(nowMs: number): void {
    const { clockRate } = this.line.stream
    this.run = this.#context.nextRun()
    this.reports.restart()
    this.#placement.reset()
    this.#requests.forgetMissing()
    this.#requests.detection.reset()
    this.#context.totals.stream_restarts++
    this.layers.reset()
    this.rates.reset()
    for (const subscription of this.subscriptions) {
      if (this.pictures !== null) subscription.remember(this.pictures)
      subscription.start(this.run, clockRate, this.id, Number.NaN)
    }
    this.requestKeyframe(nowMs)
  }

  /** @param overtaken a late packet was reordered, not retransmitted (the publisher uses RTX) */
  #arrived(extSeq: number, nowMs: number, overtaken: boolean): void {
    const newest = this.#placement.newestExtSeq
    if (extSeq <= newest) return this.#requests.received(extSeq, nowMs, overtaken)
    this.#placement.newestExtSeq = extSeq
    if (extSeq === newest + 1 || !this.watch.watched) return
    const tooMany = extSeq - newest > MAX_HOLES
    if (!tooMany && (!this.line.stream.nack || this.#requests.missing(newest + 1, extSeq, nowMs))) return
    this.#requests.forgetMissing()
    for (const subscription of this.subscriptions) subscription.skipAhead()
    this.requestKeyframe(nowMs)
  }

  /** Fills `packet`. @param osnBytes bytes in front of the payload that are not part of it */
  #describe(
    bytes: Uint8Array,
    nowMs: number,
    view: RtpView,
    offset: number,
    extSeq: number,
    codec: number,
    osnBytes: number,
  ): void {
    const payloadOffset = view.payloadOffset + osnBytes
    packet.bytes = bytes
    packet.offset = offset
    packet.headerLength = view.headerLength + osnBytes
    packet.payloadLength = view.payloadLength - osnBytes
    packet.length = packet.headerLength + packet.payloadLength
    packet.view = view
    packet.extSeq = extSeq
    packet.codec = codec
    packet.primarySkip = codec === RED ? primarySkipOf(bytes, payloadOffset, packet.payloadLength) : -1
    packet.nowMs = nowMs
    this.layers.read(packet, payloadOffset, this.line.descriptorId)
  }

  #forward(nowMs: number, view: RtpView, offset: number, extSeq: number, codec: number, osnBytes: number): void {
    const { rx } = this.#context.io
    const { line } = this
    this.#describe(rx, nowMs, view, offset, extSeq, codec, osnBytes)
    this.#requests.detection.take(packet)
    this.reports.packets++
    this.reports.bytes += packet.payloadLength
    this.rates.add(packet.spatial, packet.temporal, packet.payloadLength)
    if (packet.layered || packet.pictureId >= 0) this.#noticeLayers(nowMs)
    else this.pictures?.add(packet)
    if (packet.keyframe) {
      if (line.kind === 'video') this.#requests.keyframe(extSeq)
      if (line.encodings.length > 1) line.keyframe(this, nowMs)
    }
    // Before it is stored: what is sent again has to be what was sent, silence too.
    const audible =
      line.gate === null || line.gate.pass(packet, line.stream.extensions['audio-level'] ?? 0, this.subscriptions)
    if (audible && this.watch.keeps(nowMs)) this.#store(extSeq, nowMs)
    else this.history.note(extSeq, nowMs)
    if (!audible) this.#context.totals.drop_inaudible++
    else if (this.subscriptions.length > 0)
      fanOut(this.#context, packet, this.subscriptions, line.sourceIds, this, nowMs)
    if (this.#requests.keyframeWanted) this.#requests.askForKeyframe(nowMs)
  }

  #store(extSeq: number, nowMs: number): void {
    this.history.store(extSeq, packet.bytes, packet.offset, packet.length, packet.headerLength, packet.codec, nowMs)
    // The gate may have set one that the packet came without.
    if (this.line.gate !== null && packet.view.marker) this.history.mark(extSeq)
  }

  /** Notes what the packet says about layers, and that they are others than before. */
  #noticeLayers(nowMs: number): void {
    this.pictures ??= new Pictures()
    this.pictures.add(packet)
    const seen = this.rates.spatials * MAX_TEMPORAL + this.rates.temporals
    if (seen === this.#layersSeen && this.layers.version === this.#versionSeen) return
    this.#layersSeen = seen
    this.#versionSeen = this.layers.version
    this.line.layered(this, nowMs)
  }

  /**
   * Which of its layers `subscription`, which gets this encoding, gets from now on. A keyframe is wanted when there is no
   * other way to them.
   */
  aim(subscription: Subscription, spatial: number, temporal: number): void {
    const { spatials, temporals } = this.rates
    const highestSpatial = Math.min(spatial, spatials - 1)
    const target = this.layers.target(highestSpatial, Math.min(temporal, temporals - 1))
    const whole = spatial >= spatials - 1 && temporal >= temporals - 1
    const before = this.layers.spatialOf(subscription.layer)
    const reachable = subscription.aim(target, whole, !this.layers.described)
    if (!reachable && spatials > 1 && before !== this.layers.spatialOf(target)) this.wantKeyframe()
  }

  // ---- packets that waited

  /** See `PacketSource`. */
  resume(subscription: Subscription, extSeq: number, nowMs: number): void {
    if (subscription.source !== this) return
    const { history } = this
    // Another run may have begun meanwhile: numbers never go back.
    const isOld = this.#placement.newestExtSeq - extSeq >= history.window
    const slot = isOld ? -1 : history.find(extSeq)
    if (slot < 0) {
      this.#context.totals.drop_paced++
      return
    }
    const offset = history.offsetOf(slot)
    if (readRtp(history.bytes, offset, history.lengthOf(slot), waitedView) !== RtpFault.none) return
    const osnBytes = history.headerLengthOf(slot) - waitedView.headerLength
    this.#describe(history.bytes, nowMs, waitedView, offset, extSeq, history.codecOf(slot), osnBytes)
    // Any packet will do where keyframes cannot be told: the receiver asks for another if it was none.
    if (this.#requests.detection.encrypted) packet.keyframe = subscription.awaitsKeyframe
    one[0] = subscription
    fanOut(this.#context, packet, one, this.line.sourceIds, null, nowMs)
  }

  /** See `PacketSource`. */
  breakOff(subscription: Subscription, nowMs: number): void {
    if (subscription.source !== this) return
    subscription.skipAhead()
    this.requestKeyframe(nowMs)
  }

  // ---- feedback to the publisher

  /** Somebody needs a keyframe: asked for at once, or when the throttle allows. */
  requestKeyframe(nowMs: number): void {
    this.#requests.requestKeyframe(nowMs)
  }

  /** Like `requestKeyframe`, for a caller that calls `expire` at `deadlineMs`. */
  wantKeyframe(): void {
    this.#requests.wantKeyframe()
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    this.#requests.expire(nowMs)
    if (nowMs - this.#lastMs >= REST_MS) this.history.rest()
    return this.deadlineMs
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return Math.min(this.#requests.deadlineMs, this.history.resting ? Number.POSITIVE_INFINITY : this.#lastMs + REST_MS)
  }

  // ---- what is told of it

  /** Fills `block` with what to report about this encoding. @returns false when nothing came yet */
  report(block: ReportBlock, nowMs: number): boolean {
    if (!this.reports.report(block, nowMs)) return false
    let rttMs = 0
    for (const subscription of this.subscriptions) rttMs = Math.max(rttMs, subscription.reports.rttMs)
    this.history.keepFor(rttMs)
    return true
  }

  /** What is known about it now. */
  info(nowMs: number): EncodingInfo {
    return {
      rid: this.rid,
      ...(this.#current && { ssrc: this.#current.ssrc }),
      receiving: this.receiving(nowMs),
      subscriptions: this.subscriptions.length,
      figures: this.reports.figures(nowMs, this.line.stream.clockRate, this.rttMs),
    }
  }
}
