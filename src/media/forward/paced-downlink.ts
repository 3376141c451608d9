/**
 * The way to one peer, all its streams together: numbers its packets, lets video wait when too much would go out at once,
 * and carries out what the link's `Bottleneck` decides.
 */
import type { DownlinkInfo } from '../control.js'
import type { ArrivalFeedback } from '../rtp/rtcp/index.js'
import { Allowance } from './allowance.js'
import { Allotment } from './congestion/allocation.js'
import type { Bottleneck, Member } from './congestion/bottleneck.js'
import { Flow, OVERHEAD_BYTES } from './congestion/flow.js'
import { ladderOf } from './congestion/ladder.js'
import { Pace } from './congestion/pace.js'
import { MAX_WAIT_MS, Waiting } from './congestion/waiting.js'
import type { ForwardContext } from './context.js'
import type { Layer } from './layers.js'
import type { Packet } from './packet.js'
import { carriesPadding, PADDING_BYTES, sendPadding } from './padding.js'
import type { Downlink, PacketSource, Subscription } from './subscription.js'

/** Refuse retransmissions once this much more than the rate was sent: they would arrive too late. */
const MAX_DEBT_MS = 250
/** Refuse them also while video has waited this long: they would delay it further. */
const RESEND_WAIT_MS = 100
/** While the link was not seen to be full, video is not held to an estimate that only says what has been tried. */
const UNLIMITED_FACTOR = 1.5
/**
 * On a link that was seen to be full no more is under way than it lets through in a round trip, until the next feedback,
 * and so much longer: what fills a queue stays here instead, where it can still be left out.
 */
const FEEDBACK_MS = 100
const QUEUE_MS = 150
const MIN_WINDOW_BYTES = 6000
/** Without feedback for so long it is not waited for: there may be nothing to tell of. */
const STUCK_MS = 1000
/** Before anything is known of the link a stream gets its smallest picture. */
export const FIRST_TARGET = { spatial: 0, temporal: Number.POSITIVE_INFINITY } as const

/** Feedback packets that are read: so many per second, and at once. Receivers send one every 50 to 100 ms, or some. */
const FEEDBACK_PER_MS = 0.2
const FEEDBACK_BURST = 100
/** Numbers of NACKs that are looked up: far more than is sent again in the worst of times. */
const NACKED_PER_MS = 16
const NACKED_BURST = 2048

/** A stream of the peer, and what feeds it. */
interface Fed {
  readonly subscription: Subscription
  readonly publication: { layers(nowMs: number): readonly Layer[] } | null
}

export class PacedDownlink implements Downlink, Member {
  readonly transport: number
  readonly cname: Uint8Array
  readonly flow = new Flow()
  readonly #context: ForwardContext
  readonly #feeds: readonly Fed[]
  readonly #allotments = new Map<Subscription, Allotment>()
  readonly #pace = new Pace()
  readonly #waiting = new Waiting<Subscription, PacketSource>()
  #transportSeq: number
  readonly #feedback = new Allowance(FEEDBACK_PER_MS, FEEDBACK_BURST)
  readonly #nacked = new Allowance(NACKED_PER_MS, NACKED_BURST)
  /** Bytes that may be under way. */
  #windowBytes = Number.POSITIVE_INFINITY
  #client: string
  #bottleneck: Bottleneck | null = null
  allotments: readonly Allotment[] = []
  /** Latest REMB of the peer, bit/s; 0 = none. */
  rembBps = 0

  /** @param feeds all streams of the peer, which come and go @param client its own name until a better one is known */
  constructor(context: ForwardContext, transport: number, cname: Uint8Array, feeds: readonly Fed[], client: string) {
    this.#context = context
    this.transport = transport
    this.cname = cname
    this.#feeds = feeds
    this.#client = client
    this.#transportSeq = context.random() & 0xffff
  }

  // ---- the packet path

  nextTransportSeq(payloadBytes: number, nowMs: number): number {
    this.#transportSeq = (this.#transportSeq + 1) & 0xffff
    this.flow.record(this.#transportSeq, payloadBytes, nowMs)
    this.#pace.sent(payloadBytes + OVERHEAD_BYTES, nowMs)
    return this.#transportSeq
  }

  holds(subscription: Subscription, source: PacketSource, packet: Packet, nowMs: number): boolean {
    const waiting = this.#waiting
    if (waiting.size === 0 && this.#pace.open(nowMs) && this.#hasRoom(nowMs)) return false
    if (!waiting.push(subscription, source, packet.extSeq, packet.payloadLength, nowMs)) this.#giveUp(nowMs)
    if (waiting.size === 1) this.#context.bottlenecks.wait(this, this.#opensMs(nowMs))
    return true
  }

  refusesResend(nowMs: number): boolean {
    if (this.#waiting.ageMs(nowMs) > RESEND_WAIT_MS || !this.#hasRoom(nowMs)) return true
    return this.#pace.debtMs(nowMs) > MAX_DEBT_MS
  }

  /** Whether the link was seen to be full lately. */
  get limited(): boolean {
    return this.#windowBytes !== Number.POSITIVE_INFINITY
  }

  /** Whether more may be under way. */
  #hasRoom(nowMs: number): boolean {
    return this.flow.sent.inFlightBytes < this.#windowBytes || nowMs - this.flow.feedbackMs > STUCK_MS
  }

  /** When a packet may go out. */
  #opensMs(nowMs: number): number {
    const opensMs = this.#pace.opensMs(nowMs)
    return this.#hasRoom(nowMs) ? opensMs : Math.max(opensMs, this.flow.feedbackMs + STUCK_MS)
  }

  drain(nowMs: number): number {
    const waiting = this.#waiting
    while (waiting.size > 0) {
      const { subscription, source, extSeq } = waiting
      if (subscription.source !== source) {
        // It gets another layer meanwhile.
        this.#context.totals.drop_paced++
        waiting.shift()
        continue
      }
      if (waiting.ageMs(nowMs) > MAX_WAIT_MS) {
        this.#giveUp(nowMs)
        break
      }
      const opensMs = this.#opensMs(nowMs)
      if (opensMs > nowMs) return Math.min(opensMs, nowMs + MAX_WAIT_MS)
      waiting.shift()
      source.resume(subscription, extSeq, nowMs)
    }
    return Number.POSITIVE_INFINITY
  }

  /** What waits is too late, and nothing can be decoded without it: video goes on at its next keyframe. */
  #giveUp(nowMs: number): void {
    const waiting = this.#waiting
    const affected = new Map<Subscription, PacketSource>()
    this.#context.totals.drop_paced += waiting.size
    for (; waiting.size > 0; waiting.shift()) affected.set(waiting.subscription, waiting.source)
    for (const [subscription, source] of affected) source.breakOff(subscription, nowMs)
  }

  // ---- what the peer says

  /** Whether its next packet of transport-wide feedback is read. */
  admitsFeedback(nowMs: number): boolean {
    return this.#feedback.take(1, nowMs) === 1
  }

  /** How many of the `count` numbers that it asks for are looked up. */
  nackBudget(count: number, nowMs: number): number {
    return this.#nacked.take(count, nowMs)
  }

  /** @param arrivedMs when the feedback came, ≤ `nowMs` */
  arrivals(feedback: ArrivalFeedback, times: Int32Array, arrivedMs: number, nowMs: number): void {
    const { reader } = this.flow
    const { totals } = this.#context
    const { unknown, repeated } = reader
    this.flow.take(feedback, times, arrivedMs, nowMs)
    totals.transport_cc_unknown += reader.unknown - unknown
    totals.transport_cc_repeated += reader.repeated - repeated
    this.#learnt(nowMs)
  }

  remb(bps: number, nowMs: number): void {
    this.rembBps = bps
    const bottleneck = this.#join(nowMs)
    bottleneck?.remb(this, bps, nowMs)
    // What is sent has to be measured, to compare.
    if (bottleneck?.idle) this.#context.bottlenecks.wake(nowMs)
  }

  /** A receiver report about one stream. @param sent packets since the one before */
  reported(sent: number, lost: number, rttMs: number, nowMs: number): void {
    this.flow.reported(Math.max(0, sent - lost), lost, rttMs)
    this.#learnt(nowMs)
  }

  #learnt(nowMs: number): void {
    const bottleneck = this.#join(nowMs)
    if (bottleneck === null) return
    bottleneck.update(this, nowMs)
    this.#context.bottlenecks.look(bottleneck, nowMs)
    if (this.#waiting.size > 0) this.#context.bottlenecks.wait(this, nowMs)
  }

  // ---- the link

  /** It is a connection of `client`: what the connections of one client get is decided together. */
  belongsTo(client: string, nowMs: number): void {
    if (client === this.#client) return
    const joined = this.#bottleneck !== null
    this.#leave(nowMs)
    this.#client = client
    if (joined) this.#join(nowMs)
  }

  close(nowMs: number): void {
    this.#leave(nowMs)
    this.#context.bottlenecks.forget(this)
    while (this.#waiting.size > 0) this.#waiting.shift()
    this.#allotments.clear()
  }

  /** Only connections that say something of their link have a part in one. */
  #join(nowMs: number): Bottleneck | null {
    if (this.#feeds.length > 0) this.#bottleneck ??= this.#context.bottlenecks.join(this, this.#client, nowMs)
    return this.#bottleneck
  }

  #leave(nowMs: number): void {
    if (this.#bottleneck === null) return
    this.#context.bottlenecks.leave(this, this.#client, nowMs)
    this.#bottleneck = null
  }

  // ---- as a member of it

  get probes(): boolean {
    return this.#feeds.some(({ subscription }) => subscription.active && carriesPadding(subscription))
  }

  get sentBytes(): number {
    return this.#sent(() => true)
  }

  get audioBytes(): number {
    return this.#sent(({ kind }) => kind === 'audio')
  }

  refresh(nowMs: number): void {
    const allotments: Allotment[] = []
    for (const { subscription, publication } of this.#feeds) {
      let allotment = this.#allotments.get(subscription)
      // A stream that nothing feeds any more needs nothing, whatever it was given.
      if (publication === null) allotment?.setLadder([])
      if (subscription.kind !== 'video' || publication === null) continue
      if (allotment === undefined) {
        allotment = new Allotment()
        this.#allotments.set(subscription, allotment)
      }
      allotment.setLadder(ladderOf(publication.layers(nowMs), subscription.preference))
      allotments.push(allotment)
    }
    this.allotments = allotments
  }

  allocated(nowMs: number): void {
    const bottleneck = this.#bottleneck
    if (bottleneck === null) return
    const { estimateBps } = bottleneck
    const limited = bottleneck.limited(nowMs)
    let neededBps = 0
    for (const { subscription } of this.#feeds) {
      const allotment = this.#allotments.get(subscription)
      if (allotment === undefined || allotment.ladder.length === 0) continue
      neededBps += allotment.rateBps
      subscription.allowedBps = allotment.narrowed
        ? Math.max(0, allotment.rateBps + bottleneck.spareBps)
        : Number.POSITIVE_INFINITY
      this.#aim(subscription, allotment, nowMs)
    }
    this.#pace.setRate(
      estimateBps,
      limited && bottleneck.usage(nowMs) === 'over',
      limited,
      limited ? 0 : neededBps * UNLIMITED_FACTOR,
    )
    const aheadMs = this.flow.emptyRttMs + FEEDBACK_MS + QUEUE_MS
    this.#windowBytes = limited ? Math.max(MIN_WINDOW_BYTES, (estimateBps / 8000) * aheadMs) : Number.POSITIVE_INFINITY
  }

  #aim(subscription: Subscription, { ladder, level }: Allotment, nowMs: number): void {
    if (level < 0) return subscription.setTarget(null, nowMs)
    const { spatial, temporal } = ladder[level]!
    // The last one of a picture size: all frames, however many there will be.
    const all = ladder[level + 1]?.spatial !== spatial
    subscription.setTarget({ spatial, temporal: all ? Number.POSITIVE_INFINITY : temporal }, nowMs)
  }

  probe(bytes: number, nowMs: number): boolean {
    const feed = this.#feeds.find(({ subscription }) => subscription.active && carriesPadding(subscription))
    if (feed === undefined) return false
    for (let left = bytes; left > 0; left -= PADDING_BYTES + OVERHEAD_BYTES) {
      if (!sendPadding(this.#context, feed.subscription, nowMs)) return false
    }
    return true
  }

  #sent(counts: (subscription: Subscription) => boolean): number {
    let bytes = 0
    for (const { subscription } of this.#feeds) {
      if (counts(subscription)) bytes += subscription.octets + subscription.packets * OVERHEAD_BYTES
    }
    return bytes
  }

  // ---- what is going on

  /** Why `subscription` gets less than its best, '' when it does not. */
  limitOf(subscription: Subscription): Allotment['limit'] {
    const allotment = this.#allotments.get(subscription)
    return allotment === undefined || allotment.ladder.length === 0 ? '' : allotment.limit
  }

  info(nowMs: number): DownlinkInfo {
    const bottleneck = this.#bottleneck
    const { flow } = this
    return {
      transportCc: flow.sent.count > 0,
      estimateBps: bottleneck === null ? 0 : Math.round(bottleneck.estimateBps),
      limited: bottleneck?.limited(nowMs) ?? false,
      acknowledgedBps: Math.round(flow.acknowledgedBps(nowMs) || 0),
      rttMs: flow.rttMs,
      lossShare: bottleneck?.loss.share ?? 0,
      pacingBps: Number.isFinite(this.#pace.rateBps) ? Math.round(this.#pace.rateBps) : 0,
      waitingPackets: this.#waiting.size,
      waitingMs: this.#waiting.ageMs(nowMs),
      connections: bottleneck?.members.length ?? 0,
    }
  }
}
