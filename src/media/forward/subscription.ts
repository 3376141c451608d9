/**
 * One stream that a subscriber gets: its SSRC, its numbers, its timestamps. `decide` says for each packet
 * whether and as what it is sent, and writes no bytes.
 */
import type { MediaKind, OutboundInfo, SendStream, StreamPreference } from '../control.js'
import { CODECS, OPUS, RED, type SendTypes, sendTypes } from './codec-table.js'
import { ExtensionProfile, profileKey } from './extension-blocks.js'
import { LastSecond } from './figures.js'
import { LayerFilter } from './layer-filter.js'
import { WHOLE } from './layer-targets.js'
import { BEST, type LayerTarget } from './layers.js'
import type { SentAs } from './outbox.js'
import type { Packet } from './packet.js'
import { PictureNumbering, type Renumbering } from './picture-numbering.js'
import type { Pictures } from './pictures.js'
import { ResendLimit } from './resend-limit.js'
import { Note, SequenceMap } from './sequence-map.js'
import { Cell, type StateRows } from './state-rows.js'
import { SubscriptionReports } from './subscription-reports.js'
import { Timestamps } from './timestamps.js'
import { Drop } from './totals.js'

/** What `decide` fills in when a packet is sent. */
export interface Decision extends Renumbering, SentAs {
  /** Payload bytes left out at the front: RED headers and redundancy, for who did not accept RED. */
  skip: number
}

export function newDecision(): Decision {
  const unchanged = { rewritten: false, pictureDelta: 0, tl0Delta: 0, keyIdxDelta: 0 }
  return { markerPt: 0, extSeq: 0, timestamp: 0, skip: 0, ...unchanged }
}

/** What the subscriptions of one peer share. */
export interface Downlink {
  readonly transport: number
  /** One for all streams of the peer, so that receivers keep them in sync (RFC 3550 §6.5.1). */
  readonly cname: Uint8Array
  /** Latest REMB of the peer, bit/s; 0 = none. */
  readonly rembBps: number
  /** The next transport-wide number, for a packet with so many bytes of payload that goes out now. */
  nextTransportSeq(payloadBytes: number, nowMs: number): number
  /** Whether the packet has to wait for its turn; then `source` resumes it later. */
  holds(subscription: Subscription, source: PacketSource, packet: Packet, nowMs: number): boolean
  /** Whether its link was seen to be full lately. */
  readonly limited: boolean
  /** Whether retransmissions would come too late. */
  refusesResend(nowMs: number): boolean
}

/** Where packets come from, and can be had again. */
export interface PacketSource {
  /** The turn of a packet has come: sends it to `subscription`, if that still gets packets of this source. */
  resume(subscription: Subscription, extSeq: number, nowMs: number): void
  /** Packets for `subscription` were left out: it goes on at a keyframe. */
  breakOff(subscription: Subscription, nowMs: number): void
}

/** Who decides which layer a subscription gets. */
export interface Steering {
  /** What it should get may have changed. */
  steer(subscription: Subscription, nowMs: number): void
}

/** Sequence numbers begin below this, so that no reordering at the start makes a receiver guess another ROC. */
const FIRST_SEQ_MASK = 0x7fff

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
  /** Layers were left out, or pictures numbered anew: `#decideLayered` has to look. */
  #layered = false
  readonly downlink: Downlink
  readonly #rows: StateRows
  readonly ssrc: number
  /** Whose packets it gets; null = none. */
  source: PacketSource | null = null
  /** What feeds it; null = nothing. */
  steering: Steering | null = null
  /** Highest layers that its link allows; null = nothing for now. */
  target: LayerTarget | null = BEST
  /** The most that the client wants. */
  preference: StreamPreference = {}
  /** What its link has for a stream without layers that was too much once, bit/s; Infinity otherwise. */
  allowedBps = Number.POSITIVE_INFINITY
  /** Video whose link is known well enough to let packets wait. */
  paced = false
  stream: SendStream
  index = 0
  active = false
  rtxSsrc = 0
  #sourceTerms = ''
  /** Equal for two subscriptions with the same `types`. */
  typesKey = ''
  #rtxExtSeq: number
  #resends: ResendLimit | null = null
  /** Which run of which encoding it follows; see `Encoding.run`. */
  #run = -1
  /** Whether the next sender report is the first of this run. */
  awaitsReport = true
  #filter: LayerFilter | null = null
  readonly #numbering: PictureNumbering
  /** Number of the keyframe that it began with last: what is older than that is not needed to go on. */
  #beganWith = 0
  readonly reports = new SubscriptionReports()
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
    this.#numbering = new PictureNumbering(this.map)
    this.#timestamps = new Timestamps(random() >>> 0, 1, rows, this.at)
    this.profile = new ExtensionProfile(stream.mid, stream.extensions)
    this.awaitsKeyframe = stream.kind === 'video'
    this.downlink = downlink
    this.map.note(Note.layer, WHOLE)
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
    this.paced = this.kind === 'video' && this.profile.numbered
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
      this.#numbering.restart()
    }
    this.map.note(Note.encoding, encoding)
    this.#interrupt()
  }

  /**
   * What comes was negotiated so. What came under other terms is not sent again, though they changed while nothing was
   * sent: its bytes would differ.
   */
  sourceTerms(key: string): void {
    if (key === this.#sourceTerms) return
    this.#sourceTerms = key
    this.map.forget()
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
      // One that comes behind what was sent has its place there, under what was true then.
      if (!packet.keyframe || !map.inOrder(packet.extSeq)) return Drop.awaitKeyframe
      map.resync()
    }
    if (this.#layered && !begins) return this.#decideLayered(packet, decision, pt)
    const extSeq = map.map(packet.extSeq)
    if (extSeq < 0) return Drop.unmapped
    decision.extSeq = extSeq
    this.#timestamps.map(packet, decision)
    decision.rewritten = false
    if (begins) this.#beginsWith(packet, decision)
    const marker = packet.view.marker || (begins && this.#endsLayer(packet, this.layer))
    decision.markerPt = pt | (marker ? 0x80 : 0)
    decision.skip = this.skipOf(packet.codec, packet.primarySkip)
    return Drop.none
  }

  /** The first packet after an interruption is on its way. */
  #beginsWith(packet: Packet, decision: Decision): void {
    const { map } = this
    this.#begins = false
    this.awaitsKeyframe = false
    this.#beganWith = decision.extSeq
    map.note(Note.timestampOffset, this.#timestamps.offset)
    if (this.#numbering.begin(packet)) this.#layered = this.#filter !== null || this.#numbering.isShifted
    this.#filter?.begin(packet)
    map.note(Note.layer, this.layer)
    if (this.#layered) this.#numbering.renumber(packet, true, decision)
  }

  /** Another run, or nothing, comes after what was sent: its last picture is kept in mind. */
  remember(pictures: Pictures): void {
    this.#numbering.remember(pictures)
  }

  /**
   * Which layers of its encoding it gets from the next picture on that allows it; see `LayerFilter.aim`.
   * @returns whether they can be reached without another keyframe
   */
  aim(target: number, whole: boolean, stepped: boolean): boolean {
    if (whole && this.#filter === null) return true
    this.#filter ??= new LayerFilter()
    this.#layered = true
    return this.#filter.aim(target, whole, stepped)
  }

  /** The decode target that it gets, `WHOLE` = all of its encoding. */
  get layer(): number {
    return this.#filter?.current ?? WHOLE
  }

  /** `decide` for a packet of an encoding of which it does not get everything as it is. */
  #decideLayered(packet: Packet, decision: Decision, pt: number): number {
    const { map } = this
    const inOrder = map.inOrder(packet.extSeq)
    if (inOrder && packet.layered && this.#filter !== null && !this.#admit(packet, this.#filter)) return Drop.layer
    const extSeq = map.map(packet.extSeq)
    if (extSeq < 0) return Drop.unmapped
    if (inOrder) this.#numbering.sent()
    decision.extSeq = extSeq
    this.#timestamps.map(packet, decision)
    const layer = inOrder ? this.layer : map.noted(Note.layer)
    const filtered = layer !== WHOLE && packet.layered
    if (filtered && ((packet.present >>> layer) & 1) === 0) {
      // Late, and of a layer that was left out: its number was kept free, so it is sent without what it carried.
      decision.markerPt = pt
      decision.skip = packet.payloadLength
      decision.rewritten = false
      return Drop.none
    }
    const marker = packet.view.marker || this.#endsLayer(packet, layer)
    decision.markerPt = pt | (marker ? 0x80 : 0)
    decision.skip = 0
    this.#numbering.renumber(packet, inOrder, decision)
    return Drop.none
  }

  /** Whether nothing of the picture follows in this layer. */
  #endsLayer({ layered, ends }: Packet, layer: number): boolean {
    return layered && layer !== WHOLE && ((ends >>> layer) & 1) === 1
  }

  /** Whether the newest packet is of a layer that is sent. */
  #admit(packet: Packet, filter: LayerFilter): boolean {
    const { map } = this
    const before = filter.current
    const sent = filter.admit(packet)
    if (filter.current !== before) {
      map.split(packet.extSeq)
      map.note(Note.layer, filter.current)
    }
    if (sent) return true
    map.drop(packet.extSeq)
    this.#numbering.leaveOut(packet)
    return false
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
    // A thin link has better uses than pictures that another one has replaced.
    if (sent < this.#beganWith && this.kind === 'video' && this.downlink.limited) return false
    if (this.downlink.refusesResend(nowMs)) return false
    this.#resends ??= new ResendLimit()
    return this.#resends.allow(sent, this.packets, this.reports.rttMs, nowMs)
  }

  /** Timestamp of an earlier packet, or a report, of the present run. */
  timestampOf(timestamp: number): number {
    return this.#timestamps.peek(timestamp)
  }

  /** Whether timestamps of the present run can be translated: one of its packets was sent. */
  get begun(): boolean {
    return this.packets > 0 && !this.#timestamps.rebasing
  }

  /** Timestamp of the last packet in order, as it was sent. */
  get newestTimestamp(): number {
    return this.#rows.cells[this.at + Cell.newestTimestamp]! >>> 0
  }

  /** A sender report goes out. @param middleNtp middle 32 bits of its NTP time */
  reported(middleNtp: number, nowMs: number): void {
    this.reports.sent(middleNtp, nowMs)
    this.awaitsReport = false
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
  info(nowMs: number, fed: boolean): Omit<OutboundInfo, 'limit'> {
    const { stream } = this
    return {
      mid: stream.mid,
      kind: stream.kind,
      index: stream.index,
      payloadTypes: stream.payloadTypes,
      extensions: stream.extensions,
      ssrc: stream.ssrc,
      rtxSsrc: stream.rtxSsrc,
      fed,
      clockRate: this.#clockRate,
      active: this.active,
      awaitsKeyframe: this.awaitsKeyframe,
      target: layersOf(this.target),
      figures: {
        packets: this.packets,
        bytes: this.octets,
        bytesLastSecond: this.#lastSecond.at(nowMs),
        nacks: this.nacks,
        retransmissions: this.resent,
        lost: this.reports.cumulativeLost,
        lossShare: this.reports.fractionLost / 256,
        unrepairedShare: this.reports.unrepairedShare,
        jitterMs: (this.reports.jitter * 1000) / this.#clockRate,
        rttMs: this.reports.rttMs,
      },
    }
  }
}

/** Infinity does not survive JSON. */
function layersOf(target: LayerTarget | null): OutboundInfo['target'] {
  if (target === null) return null
  const { spatial, temporal } = target
  return {
    ...(Number.isFinite(spatial) && { spatial }),
    ...(Number.isFinite(temporal) && { temporal }),
  }
}
