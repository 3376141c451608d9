/**
 * One stream that a publisher sends to us: the state of its SSRC, its losses and its history, and the
 * subscriptions that get it. A publication outlives its SSRC: when the publisher goes on with another one, a new
 * run begins, and to subscribers nothing changes but that numbers and timestamps go on elsewhere.
 */
import type { EndpointId, InboundInfo, ReceiveStream } from '../control.js'
import type { RtpView } from '../rtp/packet.js'
import type { ReportBlock, SenderReport } from '../rtp/rtcp/index.js'
import { unwrapSeq } from '../rtp/sequence.js'
import { codecOf, RED, type ReceiveTypes, receiveTypes } from './codec-table.js'
import type { ForwardContext } from './context.js'
import { EncodingChoice } from './encoding-choice.js'
import { copiedIds } from './extension-blocks.js'
import { fanOut } from './fan-out.js'
import { LastSecond, unrepaired } from './figures.js'
import { History } from './history.js'
import { KeyframeRequests } from './keyframes.js'
import { MAX_HOLES, NackGenerator, newNackResult } from './nack-generator.js'
import { newPacket } from './packet.js'
import { ReceptionStatistics } from './reception.js'
import { type Reporter, sendNack, sendPli } from './reports.js'
import { primarySkipOf } from './retransmit.js'
import type { Source } from './ssrc-table.js'
import type { Subscription } from './subscription.js'
import { Drop } from './totals.js'

/** No RTP for so long: reports pause, and another SSRC of the m-line may take over. */
export const SILENCE_MS = 1000
/** A jump ahead up to this is loss (RFC 3550 A.1); a larger one has to be confirmed by the next packet. */
const MAX_DROPOUT = 3000
/** Original sequence number in front of an RTX payload. */
const OSN_BYTES = 2
/** Slots of history: a second at 10 Mbit/s of full packets, and of audio in 5 ms frames. */
const VIDEO_SLOTS = 1024
const AUDIO_SLOTS = 256
const AUDIO_HISTORY_BYTES = 64 * 1024

const packet = newPacket()
const nackSeqs = new Uint16Array(MAX_HOLES)
const nackResult = newNackResult()

export type PublicationSource = Source<Publication>

export class Publication {
  readonly mid: string
  readonly midBytes: Uint8Array
  readonly kind: ReceiveStream['kind']
  readonly history: History
  readonly #context: ForwardContext
  readonly #endpoint: EndpointId
  readonly #reporter: Reporter
  readonly #nacks = new NackGenerator()
  readonly #keyframes = new KeyframeRequests()
  readonly #encodings = new EncodingChoice<PublicationSource>()
  /** Connected, unpaused subscriptions: what the packet loop walks. */
  readonly #subscriptions: Subscription[] = []
  stream: ReceiveStream
  types: ReceiveTypes
  /** Ids of the extensions that are carried on. */
  sourceIds: Uint8Array
  #termsKey = ''
  /** Changes with every new SSRC or reset of its numbers; unique in the router. */
  run: number
  #current: PublicationSource | null = null
  #statistics: ReceptionStatistics | null = null
  /** Newest number of this run; runs follow each other with a gap. */
  #newestExtSeq = 0
  #lastMs = Number.NEGATIVE_INFINITY
  #receiving = false
  /** What the peer was told: it receives as long as `MediaSettings.noMediaMs` allows, so never less than `#receiving`. */
  #announced = false
  /** RTP that was new, retransmitted or not, and its payload bytes. */
  #packets = 0
  #bytes = 0
  readonly #lastSecond = new LastSecond()
  #nacked = 0
  #repaired = 0
  /** At the last report. */
  #repairedBefore = 0
  #unrepairedShare = 0
  /** In runs before the present one. */
  #lostBefore = 0
  /** The number that would confirm a jump (RFC 3550 A.1 `bad_seq`), −1 = none. */
  #jumpSeq = -1
  readonly #senderReport: SenderReport = {
    ssrc: 0,
    ntpSeconds: 0,
    ntpFraction: 0,
    rtpTimestamp: 0,
    packetCount: 0,
    octetCount: 0,
  }
  #hasSenderReport = false

  /** @param reporter who reports to this publisher and asks it for packets */
  constructor(context: ForwardContext, endpoint: EndpointId, reporter: Reporter, stream: ReceiveStream) {
    this.#context = context
    this.#endpoint = endpoint
    this.#reporter = reporter
    this.mid = stream.mid
    this.midBytes = new TextEncoder().encode(stream.mid)
    this.kind = stream.kind
    this.stream = stream
    this.types = receiveTypes([])
    this.sourceIds = copiedIds({})
    this.run = context.nextRun()
    this.history =
      stream.kind === 'video'
        ? new History(VIDEO_SLOTS, historyBytes(context.maxPublisherBps))
        : new History(AUDIO_SLOTS, AUDIO_HISTORY_BYTES)
    this.configure(stream)
  }

  /** The SSRC that is forwarded, −1 before the first packet. */
  get ssrc(): number {
    return this.#current?.ssrc ?? -1
  }

  /** Whether RTP came within the last second. */
  get receiving(): boolean {
    return this.#receiving
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions
  }

  /** Payload bits of the last full second. */
  rateBps(nowMs: number): number {
    return this.#lastSecond.at(nowMs) * 8
  }

  /** The last sender report of this run, or null. */
  get senderReport(): SenderReport | null {
    return this.#hasSenderReport ? this.#senderReport : null
  }

  /** Round trip to the publisher as its retransmissions show it; 0 = unknown. */
  get rttMs(): number {
    return this.#nacks.rttMs
  }

  /** Takes over what was negotiated again. */
  configure(stream: ReceiveStream): void {
    const termsKey = JSON.stringify([stream.payloadTypes, stream.extensions])
    this.stream = stream
    if (termsKey === this.#termsKey) return
    this.#termsKey = termsKey
    this.types = receiveTypes(stream.payloadTypes)
    this.sourceIds = copiedIds(stream.extensions)
    for (const subscription of this.#subscriptions) subscription.map.forget()
  }

  attach(subscription: Subscription, nowMs: number): void {
    this.shareTerms(subscription)
    this.#subscriptions.push(subscription)
    subscription.start(this.run, this.stream.clockRate)
    if (this.kind === 'video') this.requestKeyframe(nowMs)
  }

  /**
   * Lets subscriptions that negotiated the same share what was made of it: most have the same, and their packets
   * then find it in the cache. Mid and extension ids decide about the blocks.
   */
  shareTerms(subscription: Subscription): void {
    const { profile, typesKey } = subscription
    const sameProfile = this.#subscriptions.find((other) => other.profile.key === profile.key)
    if (sameProfile !== undefined) subscription.profile = sameProfile.profile
    const sameTypes = this.#subscriptions.find((other) => other.typesKey === typesKey)
    if (sameTypes !== undefined) subscription.types = sameTypes.types
  }

  detach(subscription: Subscription): void {
    const at = this.#subscriptions.indexOf(subscription)
    if (at >= 0) this.#subscriptions.splice(at, 1)
    if (this.#subscriptions.length > 0) return
    this.#keyframes.satisfied()
    this.#nacks.reset()
  }

  /** The m-line ended. The caller has taken the subscriptions away. */
  end(announce: boolean): void {
    if (this.#announced && announce) this.#announce(false)
    this.#receiving = this.#announced = false
  }

  // ---- the packet path

  /** One media packet, its header read into `view`. @returns why it is not forwarded, or `Drop.none` */
  media(nowMs: number, source: PublicationSource, view: RtpView, offset: number): number {
    const codec = this.types.codec[view.pt]!
    if (codec < 0) return Drop.payloadType
    source.lastMs = nowMs
    source.bytes += view.payloadLength
    if (source !== this.#current && !this.#takeOver(source, view, codec, nowMs)) return Drop.inactiveSsrc
    this.#heard(nowMs)
    const extSeq = this.#place(view.seq, nowMs)
    if (extSeq < 0) return -extSeq
    this.#statistics ??= new ReceptionStatistics(view.ssrc, this.stream.clockRate, extSeq)
    this.#statistics.received(extSeq, view.timestamp, nowMs)
    if (this.history.received(extSeq)) return Drop.duplicate
    this.#arrived(extSeq, nowMs)
    this.#forward(nowMs, view, offset, extSeq, codec, 0)
    return Drop.none
  }

  /** One RTX packet (RFC 4588 §4): the original's payload behind its 2-byte sequence number. */
  rtx(nowMs: number, source: PublicationSource, view: RtpView, offset: number): number {
    const pt = this.types.apt[view.pt]!
    const codec = pt < 0 ? -1 : this.types.codec[pt]!
    if (codec < 0) return Drop.payloadType
    const current = this.#current
    if (current === null || this.#statistics === null) return Drop.inactiveSsrc
    if (source.repairs >= 0 ? source.repairs !== current.ssrc : source.rid !== current.rid) return Drop.inactiveSsrc
    source.lastMs = nowMs
    if (view.payloadLength <= OSN_BYTES) return Drop.rtxEmpty
    const { rx } = this.#context.io
    const extSeq = unwrapSeq(this.#newestExtSeq, (rx[view.payloadOffset]! << 8) | rx[view.payloadOffset + 1]!)
    if (extSeq - this.#newestExtSeq > MAX_HOLES) return Drop.jump
    if (extSeq - this.#newestExtSeq <= -this.history.window) return Drop.late
    if (this.history.received(extSeq)) return Drop.duplicate
    this.#repaired++
    this.#arrived(extSeq, nowMs)
    this.#forward(nowMs, view, offset, extSeq, codec, OSN_BYTES)
    return Drop.none
  }

  /** Whether packets of `source` are forwarded from now on. A new SSRC of the m-line is the same track going on. */
  #takeOver(source: PublicationSource, view: RtpView, codec: number, nowMs: number): boolean {
    const current = this.#current
    if (current !== null) {
      const otherEncoding = source.rid !== current.rid && source.rid !== '' && current.rid !== ''
      const silent = nowMs - this.#lastMs >= SILENCE_MS
      if (otherEncoding) {
        this.#encodings.seen(source)
        if (!silent && (source !== this.#encodings.wanted || !this.#mayBegin(view, codec))) return false
        this.#encodings.reset()
        this.#encodings.seen(current)
      } else {
        if (source.replaced && !silent) return false
        current.replaced = true
      }
      this.#beginRun(nowMs)
    }
    source.replaced = false
    this.#current = source
    return true
  }

  /** Whether subscribers can go on with this packet of another encoding. */
  #mayBegin(view: RtpView, codec: number): boolean {
    if (this.#subscriptions.length === 0) return true
    return codecOf[codec]!.isKeyframe(this.#context.io.rx, view.payloadOffset, view.payloadLength)
  }

  #heard(nowMs: number): void {
    this.#lastMs = nowMs
    if (this.#receiving) return
    this.#receiving = true
    if (!this.#announced) this.#announce(true)
    this.#announced = true
    this.#context.wake(nowMs + SILENCE_MS)
  }

  /** @returns the place of `seq` in the run, or −`Drop`. A confirmed jump begins another run (RFC 3550 A.1). */
  #place(seq: number, nowMs: number): number {
    if (this.#statistics === null) return this.#firstOfRun(seq)
    const extSeq = unwrapSeq(this.#newestExtSeq, seq)
    const ahead = extSeq - this.#newestExtSeq
    if (ahead <= MAX_DROPOUT && ahead > -this.history.window) {
      this.#jumpSeq = -1
      return extSeq
    }
    if (seq !== this.#jumpSeq) {
      this.#jumpSeq = (seq + 1) & 0xffff
      return ahead > 0 ? -Drop.jump : -Drop.late
    }
    this.#beginRun(nowMs)
    return this.#firstOfRun(seq)
  }

  /** Numbers from here on have nothing to do with those so far. */
  #beginRun(nowMs: number): void {
    this.run = this.#context.nextRun()
    this.#lostBefore += this.#statistics?.lost ?? 0
    this.#statistics = null
    this.#hasSenderReport = false
    this.#nacks.reset()
    this.#context.totals.stream_restarts++
    for (const subscription of this.#subscriptions) subscription.start(this.run, this.stream.clockRate)
    if (this.kind === 'video') this.requestKeyframe(nowMs)
  }

  /** Runs begin on a multiple of 2^16, so far apart that no number of one can be taken for one of another. */
  #firstOfRun(seq: number): number {
    this.#jumpSeq = -1
    const extSeq = (Math.floor(this.#newestExtSeq / 0x10000) + 2) * 0x10000 + seq
    this.#newestExtSeq = extSeq - 1
    return extSeq
  }

  #arrived(extSeq: number, nowMs: number): void {
    const newest = this.#newestExtSeq
    if (extSeq <= newest) {
      this.#nacks.received(extSeq, nowMs)
      return
    }
    this.#newestExtSeq = extSeq
    if (extSeq === newest + 1 || this.#subscriptions.length === 0) return
    const tooMany = extSeq - newest > MAX_HOLES
    if (!tooMany && (!this.stream.nack || this.#nacks.missing(newest + 1, extSeq, nowMs))) {
      this.#context.wake(this.#nacks.deadline())
      return
    }
    this.#nacks.reset()
    for (const subscription of this.#subscriptions) subscription.skipAhead()
    if (this.kind === 'video') this.requestKeyframe(nowMs)
  }

  /** @param osnBytes bytes in front of the payload that are not part of it */
  #forward(nowMs: number, view: RtpView, offset: number, extSeq: number, codec: number, osnBytes: number): void {
    const { rx } = this.#context.io
    const payloadOffset = view.payloadOffset + osnBytes
    packet.bytes = rx
    packet.offset = offset
    packet.headerLength = view.headerLength + osnBytes
    packet.payloadLength = view.payloadLength - osnBytes
    packet.length = packet.headerLength + packet.payloadLength
    packet.view = view
    packet.extSeq = extSeq
    packet.codec = codec
    packet.keyframe = codecOf[codec]!.isKeyframe(rx, payloadOffset, packet.payloadLength)
    packet.primarySkip = codec === RED ? primarySkipOf(rx, payloadOffset, packet.payloadLength) : -1
    packet.nowMs = nowMs
    this.#packets++
    this.#bytes += packet.payloadLength
    this.history.store(extSeq, rx, offset, packet.length, packet.headerLength, codec, nowMs)
    if (packet.keyframe && this.kind === 'video') {
      this.#keyframes.satisfied()
      this.#context.totals.keyframes_received++
    }
    if (this.#subscriptions.length > 0) fanOut(this.#context, packet, this.#subscriptions, this.sourceIds)
    if (this.#keyframes.wanted) this.#askForKeyframe(nowMs)
  }

  // ---- feedback to the publisher

  /** Somebody needs a keyframe: asked for at once, or when the throttle allows. */
  requestKeyframe(nowMs: number): void {
    if (!this.#wantKeyframe()) return
    // Within a packet it waits for the end of it: that packet may be the keyframe.
    this.#context.wake(Math.max(nowMs, this.#keyframes.deadline()))
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    this.#noticeSilence(nowMs)
    this.#nacks.take(nowMs, nackSeqs, nackResult)
    if (nackResult.asked > 0 && sendNack(this.#context, this.#reporter, this.ssrc, nackSeqs, nackResult.asked)) {
      this.#context.totals.nack_sent += nackResult.asked
      this.#nacked += nackResult.asked
    }
    if (nackResult.givenUp > 0) {
      this.#context.totals.nack_given_up += nackResult.givenUp
      this.#wantKeyframe()
    }
    if (this.#keyframes.wanted) this.#askForKeyframe(nowMs)
    return Math.min(
      this.#silentMs,
      this.#nacks.deadline(),
      // Before the first packet there is nobody to ask; that packet asks.
      this.#current === null ? Number.POSITIVE_INFINITY : this.#keyframes.deadline(),
    )
  }

  #noticeSilence(nowMs: number): void {
    const silentMs = nowMs - this.#lastMs
    if (this.#receiving && silentMs >= SILENCE_MS) this.#receiving = false
    const { noMediaMs } = this.#context.settings
    if (!this.#announced || this.#receiving || noMediaMs === 0 || silentMs < noMediaMs) return
    this.#announced = false
    this.#announce(false, silentMs)
  }

  /** When silence is to be noticed next, if nothing comes. */
  get #silentMs(): number {
    if (this.#receiving) return this.#lastMs + SILENCE_MS
    const { noMediaMs } = this.#context.settings
    return this.#announced && noMediaMs > 0 ? this.#lastMs + noMediaMs : Number.POSITIVE_INFINITY
  }

  /** @returns false when there is none to be had, or nobody to need it */
  #wantKeyframe(): boolean {
    if (this.kind !== 'video' || this.#subscriptions.length === 0) return false
    this.#context.totals.keyframe_requests++
    this.#keyframes.want()
    return true
  }

  /** Compares the simulcast encodings; a better one is asked for the keyframe at which it takes over. */
  chooseEncoding(nowMs: number): void {
    if (this.#current === null) return
    const wanted = this.#encodings.look(this.#current, nowMs - SILENCE_MS)
    if (wanted === null || this.#subscriptions.length === 0) return
    if (sendPli(this.#context, this.#reporter, wanted.ssrc)) this.#context.totals.pli_sent++
  }

  #askForKeyframe(nowMs: number): void {
    if (this.#current === null || !this.#keyframes.take(nowMs)) return
    if (sendPli(this.#context, this.#reporter, this.ssrc)) this.#context.totals.pli_sent++
    this.#context.wake(this.#keyframes.deadline())
  }

  // ---- reports

  /** A sender report of the SSRC that is forwarded. */
  takeSenderReport(report: SenderReport, nowMs: number): void {
    if (this.#statistics === null) return
    this.#statistics.senderReport(middleNtp(report), nowMs)
    this.#senderReport.ntpSeconds = report.ntpSeconds
    this.#senderReport.ntpFraction = report.ntpFraction
    this.#senderReport.rtpTimestamp = report.rtpTimestamp
    this.#hasSenderReport = true
  }

  /** Fills `block` with what to report about this stream. @returns false when nothing came yet */
  report(block: ReportBlock, nowMs: number): boolean {
    if (this.#statistics === null) return false
    this.#statistics.report(block, nowMs)
    const { lostLately, lossShare } = this.#statistics
    this.#unrepairedShare = unrepaired(lossShare, lostLately, this.#repaired - this.#repairedBefore)
    this.#repairedBefore = this.#repaired
    this.#lastSecond.tick(this.#bytes, nowMs)
    return true
  }

  /** Lost between the last two reports; not more than a second lies between them. */
  get lostLately(): number {
    return this.#statistics?.lostLately ?? 0
  }

  /** What is known about the stream now. */
  info(nowMs: number): InboundInfo {
    const { mid, kind, index, payloadTypes, extensions, clockRate, nack } = this.stream
    const statistics = this.#statistics
    return {
      ...{ mid, kind, index, payloadTypes, extensions, clockRate, nack },
      ...(this.#current && { ssrc: this.#current.ssrc }),
      rid: this.#current?.rid ?? '',
      receiving: this.#receiving,
      subscriptions: this.#subscriptions.length,
      figures: {
        packets: this.#packets,
        bytes: this.#bytes,
        bytesLastSecond: this.#lastSecond.at(nowMs),
        nacks: this.#nacked,
        retransmissions: this.#repaired,
        lost: this.#lostBefore + (statistics?.lost ?? 0),
        lossShare: statistics?.lossShare ?? 0,
        unrepairedShare: this.#unrepairedShare,
        jitterMs: ((statistics?.jitter ?? 0) * 1000) / clockRate,
        rttMs: this.rttMs,
      },
    }
  }

  #announce(receiving: boolean, silentMs?: number): void {
    this.#context.events.media(this.#endpoint, this.mid, this.kind, receiving, silentMs)
  }
}

/** Middle 32 bits of the NTP time of a sender report, as report blocks repeat them. */
export function middleNtp(report: SenderReport): number {
  return (((report.ntpSeconds & 0xffff) << 16) | (report.ntpFraction >>> 16)) >>> 0
}

/** Enough for a second at the rate that publishers are held to, as a power of two. */
function historyBytes(maxPublisherBps: number): number {
  const bytes = Math.max(64 * 1024, Math.min(8 * 1024 * 1024, maxPublisherBps / 8))
  return 2 ** Math.ceil(Math.log2(bytes))
}
