/**
 * One stream that a subscriber gets: its SSRC, its numbers, its timestamps. `decide` says for each packet
 * whether and as what it is sent, and writes no bytes.
 */
import type { MediaKind, OutboundInfo, SendStream, StreamPreference } from '../control.js'
import type { ReportBlock } from '../rtp/rtcp/report-block.js'
import { CODECS, OPUS, RED, type SendTypes, sendTypes } from './codec-table.js'
import { ExtensionProfile, profileKey } from './extension-blocks.js'
import { LastSecond, unrepaired } from './figures.js'
import { BEST, type LayerTarget } from './layers.js'
import type { Packet } from './packet.js'
import { ResendLimit } from './resend-limit.js'
import { Note, SequenceMap } from './sequence-map.js'
import { Cell, type StateRows } from './state-rows.js'
import { Timestamps } from './timestamps.js'
import { Drop } from './totals.js'

/** What `decide` fills in when a packet is sent. */
export interface Decision {
  /** Marker bit and payload type: second byte of the RTP header. */
  markerPt: number
  /** `ROC << 16 | seq`. */
  extSeq: number
  timestamp: number
  /** Payload bytes left out at the front: RED headers and redundancy, for who did not accept RED. */
  skip: number
}

export function newDecision(): Decision {
  return { markerPt: 0, extSeq: 0, timestamp: 0, skip: 0 }
}

/** What the subscriptions of one peer share. */
export interface Downlink {
  readonly transport: number
  /** One for all streams of the peer, so that receivers keep them in sync (RFC 3550 §6.5.1). */
  readonly cname: Uint8Array
  /** Number of the last packet with the transport-cc extension. */
  transportSeq: number
  /** Latest REMB of the peer, bit/s; 0 = none. */
  rembBps: number
}

/** Who decides which layer a subscription gets. */
export interface Steering {
  /** What it should get may have changed. */
  steer(subscription: Subscription, nowMs: number): void
}

/** Sequence numbers begin below this, so that no reordering at the start makes a receiver guess another ROC. */
const FIRST_SEQ_MASK = 0x7fff
/** No path is longer; more is a lie or a clock that jumped. */
const MAX_RTT_MS = 10_000
/** Reports that come sooner after the one before are not counted: whoever floods us must not shape the distributions. */
const REPORT_INTERVAL_MS = 500

/** What the last report that was counted said anew. */
export interface ReportNews {
  /** Packets lost since the one before. */
  lost: number
  /** −1 = it says nothing about the round trip. */
  rttMs: number
}

export const newReportNews = (): ReportNews => ({ lost: 0, rttMs: -1 })

export class Subscription {
  // What each packet needs stands first, side by side.
  /** Its row of the router's `StateRows`. */
  readonly at: number
  readonly kind: MediaKind
  readonly map: SequenceMap
  readonly #timestamps: Timestamps
  types: SendTypes = sendTypes([])
  profile: ExtensionProfile
  /** Something is to be done before the next packet: see `#begin`. */
  #begins = true
  /** Video that has not begun yet, or was interrupted. */
  awaitsKeyframe: boolean
  readonly downlink: Downlink
  readonly #rows: StateRows
  readonly ssrc: number
  /** What feeds it; null = nothing. */
  steering: Steering | null = null
  /** Highest layers that its link allows; null = nothing for now. */
  target: LayerTarget | null = BEST
  /** The most that the client wants. */
  preference: StreamPreference = {}
  stream: SendStream
  index = 0
  active = false
  rtxSsrc = 0
  /** Equal for two subscriptions with the same `types`. */
  typesKey = ''
  #rtxExtSeq: number
  #resends: ResendLimit | null = null
  /** Which run of which encoding it follows; see `Encoding.run`. */
  #run = -1
  /** Whether the next sender report is the first of this run. */
  awaitsReport = true
  #lastSr = 0
  #lastSrMs = 0
  /** As the subscriber reported last: share lost in 1/256, and round trip; 0 = unknown. */
  fractionLost = 0
  rttMs = 0
  #cumulativeLost = 0
  #jitter = 0
  #countedMs = Number.NEGATIVE_INFINITY
  #countedLost = 0
  #countedResent = 0
  #unrepairedShare = 0
  #clockRate = 1
  readonly #lastSecond = new LastSecond()
  /** Numbers that the subscriber asked for again, and packets that it got again. */
  nacks = 0
  resent = 0

  /** @param random uint32: where numbers and timestamps begin */
  constructor(stream: SendStream, downlink: Downlink, random: () => number, rows: StateRows) {
    this.stream = stream
    this.at = rows.take()
    this.kind = stream.kind
    this.map = new SequenceMap(random() & FIRST_SEQ_MASK, rows, this.at)
    this.#rtxExtSeq = random() & FIRST_SEQ_MASK
    this.#timestamps = new Timestamps(random() >>> 0, 1, rows, this.at)
    this.profile = new ExtensionProfile(stream.mid, stream.extensions)
    this.awaitsKeyframe = stream.kind === 'video'
    this.downlink = downlink
    this.#rows = rows
    this.ssrc = stream.ssrc
    rows.cells[this.at + Cell.ssrc] = stream.ssrc
    rows.cells[this.at + Cell.transport] = downlink.transport
    this.configure(stream)
  }

  /** Sent on the media SSRC, for sender reports; `fanOut` counts. */
  get packets(): number {
    return this.#rows.cells[this.at + Cell.packets]!
  }

  /** Payload bytes of those. */
  get octets(): number {
    return this.#rows.cells[this.at + Cell.octets]!
  }

  /** Gives its row back: the last call. */
  end(): void {
    this.#rows.give(this.at)
  }

  /** Takes over what was negotiated. What was sent under other terms is not sent again: its bytes would differ. */
  configure(stream: SendStream): void {
    this.stream = stream
    this.index = stream.index
    this.active = stream.active
    this.rtxSsrc = stream.rtxSsrc
    const typesKey = JSON.stringify(stream.payloadTypes)
    const key = profileKey(stream.mid, stream.extensions)
    if (typesKey === this.typesKey && key === this.profile.key) return
    this.typesKey = typesKey
    this.types = sendTypes(stream.payloadTypes)
    this.profile = new ExtensionProfile(stream.mid, stream.extensions)
    this.map.forget()
    this.#interrupt()
  }

  /**
   * From now on packets of `run` come. Numbers go on without a gap, video begins at a keyframe.
   * @param encoding `Encoding.id`
   * @param shift from timestamps of this run to those of the one before, NaN = not known; see `Timestamps.rebase`
   */
  start(run: number, clockRate: number, encoding: number, shift: number): void {
    this.map.resync()
    this.#clockRate = clockRate
    if (run !== this.#run) {
      this.#run = run
      this.map.restart()
      this.#timestamps.rebase(clockRate, shift)
      this.awaitsReport = true
    }
    this.map.note(Note.encoding, encoding)
    this.#interrupt()
  }

  /** Leaves out what was lost so far; video begins again at a keyframe. */
  skipAhead(): void {
    this.map.resync()
    this.#interrupt()
  }

  #interrupt(): void {
    this.#begins = true
    this.awaitsKeyframe = this.kind === 'video'
  }

  /** @returns `Drop.none` and `decision` filled, or why the packet is not sent */
  decide(packet: Packet, decision: Decision): number {
    const { map } = this
    if (packet.payloadLength === 0 && map.inOrder(packet.extSeq)) {
      map.drop(packet.extSeq)
      return Drop.padding
    }
    const pt = this.payloadType(packet.codec, packet.primarySkip)
    if (pt < 0) {
      map.drop(packet.extSeq)
      if (this.kind === 'video') this.#interrupt()
      return Drop.codec
    }
    const begins = this.#begins
    if (begins && this.awaitsKeyframe) {
      if (!packet.keyframe) return Drop.awaitKeyframe
      map.resync()
    }
    const extSeq = map.map(packet.extSeq)
    if (extSeq < 0) return Drop.unmapped
    decision.extSeq = extSeq
    decision.timestamp = this.#timestamps.map(packet.view.timestamp, packet.nowMs)
    if (begins) this.#beginsWith()
    decision.markerPt = pt | (packet.view.marker ? 0x80 : 0)
    decision.skip = this.skipOf(packet.codec, packet.primarySkip)
    return Drop.none
  }

  /** The first packet after an interruption is on its way. */
  #beginsWith(): void {
    this.#begins = false
    this.awaitsKeyframe = false
    this.map.note(Note.timestampOffset, this.#timestamps.offset)
  }

  /** The payload type it sends this codec with, −1 if none. Of RED, Opus can be taken out. */
  payloadType(codec: number, primarySkip: number): number {
    const pt = codec < CODECS ? this.types.pt[codec]! : -1
    return pt < 0 && codec === RED && primarySkip >= 0 ? this.types.pt[OPUS]! : pt
  }

  /** Payload bytes to leave out at the front. */
  skipOf(codec: number, primarySkip: number): number {
    return codec === RED && this.types.pt[RED]! < 0 ? primarySkip : 0
  }

  /** The RTX payload type for what was sent as `codec`, −1 = RTX was not negotiated for it. */
  rtxPayloadType(codec: number): number {
    if (this.rtxSsrc === 0) return -1
    return this.types.rtxPt[codec === RED && this.types.pt[RED]! < 0 ? OPUS : codec]!
  }

  /** The next number of the RTX stream. */
  nextRtxSeq(): number {
    return this.#rtxExtSeq++
  }

  /** Whether what was sent under this number may be sent once more now. */
  mayResend(sent: number, nowMs: number): boolean {
    this.#resends ??= new ResendLimit()
    return this.#resends.allow(sent, this.packets, this.rttMs, nowMs)
  }

  /** Timestamp of an earlier packet, or a report, of the present run. */
  timestampOf(timestamp: number): number {
    return this.#timestamps.peek(timestamp)
  }

  /** Whether timestamps of the present run can be translated: one of its packets was sent. */
  get begun(): boolean {
    return this.packets > 0 && !this.#timestamps.rebasing
  }

  /** A sender report goes out. @param middleNtp middle 32 bits of its NTP time */
  reported(middleNtp: number, nowMs: number): void {
    this.#lastSr = middleNtp
    this.#lastSrMs = nowMs
    this.awaitsReport = false
  }

  /**
   * The subscriber's report about this stream (RFC 3550 §6.4.1: round trip = now − LSR − DLSR).
   * @returns whether it counts, and `news` is filled
   */
  receiverReport(block: ReportBlock, nowMs: number, news: ReportNews): boolean {
    this.fractionLost = block.fractionLost
    this.#cumulativeLost = block.cumulativeLost
    this.#jitter = block.jitter
    news.rttMs = -1
    if (block.lastSr !== 0 && block.lastSr === this.#lastSr) {
      const rttMs = nowMs - this.#lastSrMs - (block.delaySinceLastSr * 1000) / 65_536
      if (rttMs >= 0 && rttMs <= MAX_RTT_MS) this.rttMs = news.rttMs = Math.max(1, rttMs)
    }
    if (nowMs - this.#countedMs < REPORT_INTERVAL_MS) return false
    this.#countedMs = nowMs
    news.lost = Math.max(0, block.cumulativeLost - this.#countedLost)
    this.#countedLost = block.cumulativeLost
    this.#unrepairedShare = unrepaired(block.fractionLost / 256, news.lost, this.resent - this.#countedResent)
    this.#countedResent = this.resent
    return true
  }

  /** What the allocator gives it from now on; null = nothing for now. */
  setTarget(target: LayerTarget | null, nowMs: number): void {
    if (target?.spatial === this.target?.spatial && target?.temporal === this.target?.temporal) return
    this.target = target
    this.steering?.steer(this, nowMs)
  }

  /** What the client wants at most from now on. */
  prefer(preference: StreamPreference, nowMs: number): void {
    if (preference === this.preference) return
    this.preference = preference
    this.steering?.steer(this, nowMs)
  }

  /** About once a second. */
  tick(nowMs: number): void {
    this.#lastSecond.tick(this.octets, nowMs)
  }

  /** What is known about the stream now. @param fed whether a publication feeds it */
  info(nowMs: number, fed: boolean): OutboundInfo {
    const { mid, kind, index, payloadTypes, extensions, ssrc, rtxSsrc } = this.stream
    return {
      ...{ mid, kind, index, payloadTypes, extensions, ssrc, rtxSsrc, fed },
      clockRate: this.#clockRate,
      active: this.active,
      awaitsKeyframe: this.awaitsKeyframe,
      figures: {
        packets: this.packets,
        bytes: this.octets,
        bytesLastSecond: this.#lastSecond.at(nowMs),
        nacks: this.nacks,
        retransmissions: this.resent,
        lost: this.#cumulativeLost,
        lossShare: this.fractionLost / 256,
        unrepairedShare: this.#unrepairedShare,
        jitterMs: (this.#jitter * 1000) / this.#clockRate,
        rttMs: this.rttMs,
      },
    }
  }
}
