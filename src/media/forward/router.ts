/**
 * What is sent to whom. Clear RTP and RTCP of one worker's peers come in here; rows of targets and RTCP go out to
 * the io before each call returns.
 *
 * ```
 * rtp   read header → route (SSRC, mid, rid, payload type) → encoding (place, repair, store)
 *       → each subscription decides → rows → fanout
 * rtcp  reports → subscribers;  NACK → history;  PLI, FIR → throttle → publisher
 * ```
 */
import { defaultMediaSettings, type EndpointId, type MediaSettings, type RoomSpeakers } from '../control.js'
import type { MediaIo } from '../io/io.js'
import { newRtpView, RtpFault, readRtp } from '../rtp/packet.js'
import { AudibleRooms } from './audible/rooms.js'
import { Bottlenecks } from './bottlenecks.js'
import type { ForwardContext, RouterEvents } from './context.js'
import { Distributions } from './distribution.js'
import { takeFeedback } from './feedback.js'
import { type Blame, type ForwardIo, Outbox } from './outbox.js'
import { Peer } from './peer.js'
import { Frame, PACKET_MAX_BYTES, passOn, type RelayRoute } from './relay/link.js'
import { takeRequests } from './relay/requests.js'
import { StateRows } from './state-rows.js'
import { countDrop, Drop, newTotals, type Totals } from './totals.js'

export type { RouterEvents } from './context.js'
export { Peer } from './peer.js'

const view = newRtpView()

export interface RouterOptions {
  /** Ceiling that publishers are told by REMB, bit/s. */
  maxPublisherBps: number
  /** How many speakers of a room are forwarded at once; 0 = all. */
  audible?: number
  /** uint32, unpredictable: SSRCs, first sequence numbers and timestamps (RFC 3550 §5.1). */
  random: () => number
}

export class Router {
  readonly totals: Totals = newTotals()
  readonly distributions = new Distributions()
  readonly #peers = new Map<EndpointId, Peer>()
  readonly #bottlenecks: Bottlenecks
  readonly #context: ForwardContext
  #deadlineMs = Number.POSITIVE_INFINITY
  #runs = 0
  /** Peers in which a bug of ours was met, until what is at hand is done. */
  readonly #blamed = new Map<EndpointId, unknown>()

  constructor(io: MediaIo, events: RouterEvents, options: RouterOptions) {
    const blame: Blame = (transport, error) => this.#blame(transport, error)
    this.#bottlenecks = new Bottlenecks(blame, options.random)
    this.#context = {
      io,
      waitedUs: 0,
      out: new Outbox(io, blame),
      totals: this.totals,
      rows: new StateRows(),
      events,
      blame,
      settings: { ...defaultMediaSettings },
      distributions: this.distributions,
      bottlenecks: this.#bottlenecks,
      maxPublisherBps: options.maxPublisherBps,
      audible: new AudibleRooms(options.audible ?? 0),
      random: options.random,
      wake: (ms) => {
        if (ms < this.#deadlineMs) this.#deadlineMs = ms
      },
      nextRun: () => this.#runs++,
    }
  }

  /**
   * A new peer; nothing is sent to it before it is `connected`.
   * @throws RangeError when `endpoint` is open already: a mistake of the caller
   */
  openPeer(endpoint: EndpointId, transport: number, nowMs: number): Peer {
    if (this.#peers.has(endpoint)) throw new RangeError(`endpoint ${endpoint} is open already`)
    return this.#open(new Peer(this.#context, this.#peers, endpoint, transport, []), nowMs)
  }

  /**
   * What stands here for a publisher on another worker. It is fed by `relayed`, and told by `Peer.setSources` what is what.
   * @param endpoint a number of its own @param back the way to that worker
   */
  openMirror(endpoint: EndpointId, back: RelayRoute, nowMs: number): Peer {
    if (this.#peers.has(endpoint)) throw new RangeError(`endpoint ${endpoint} is open already`)
    return this.#open(new Peer(this.#context, this.#peers, endpoint, -1, [back]), nowMs)
  }

  #open(peer: Peer, nowMs: number): Peer {
    const { endpoint } = peer
    this.#peers.set(endpoint, peer)
    for (const other of this.#peers.values()) other.opened(peer, nowMs)
    return peer
  }

  /** Ends what it publishes and subscribes to, without events. Twice is harmless. */
  closePeer(endpoint: EndpointId, nowMs: number): void {
    const peer = this.#peers.get(endpoint)
    if (peer === undefined) return
    this.#peers.delete(endpoint)
    peer.close(nowMs)
  }

  /** From now on everything goes out through `io`: the one that it was made with, or one that stands before it. */
  sendThrough(io: ForwardIo): void {
    this.#context.io = this.#context.out.io = io
  }

  /** Takes effect at once, also for what is silent already. */
  configure(settings: MediaSettings, nowMs: number): void {
    Object.assign(this.#context.settings, settings)
    this.#deadlineMs = nowMs
  }

  /** The endpoint is in that room now: its speakers are ranked among those of the room. */
  place(endpoint: EndpointId, room: string): void {
    this.#peers.get(endpoint)?.enter(room)
  }

  /** Whether the room has endpoints on other workers. */
  spread(room: string, elsewhere: boolean, nowMs: number): void {
    const { audible } = this.#context
    audible.spread(room, elsewhere, nowMs)
    this.#context.wake(audible.deadlineMs)
  }

  /** Who of spread rooms is forwarded by another worker. @param from its number */
  elsewhere(nowMs: number, from: number, rooms: readonly RoomSpeakers[]): void {
    this.#context.audible.others(from, rooms, nowMs)
  }

  /**
   * One decrypted RTP packet of `peer`, `rx[offset … offset + length)`. Never throws on what it says.
   * @param waitedUs since it arrived, until this program got round to it
   */
  rtp(nowMs: number, peer: Peer, offset: number, length: number, waitedUs: number): void {
    const { totals } = this
    this.#context.waitedUs = waitedUs
    totals.received_packets++
    totals.received_bytes += length
    if (readRtp(this.#context.io.rx, offset, length, view) !== RtpFault.none) {
      totals.drop_rtp_malformed++
      return
    }
    // It did arrive: as a loss it would count against the publisher's link.
    peer.uplink.received(nowMs, view, length)
    if (length > PACKET_MAX_BYTES) {
      totals.drop_rtp_oversize++
      return
    }
    this.#take(nowMs, peer, offset, length)
    if (this.#blamed.size > 0) this.#tellBlamed()
  }

  /**
   * RTP of a publisher on another worker, for its mirror here.
   * @param audible whether it is among the loudest of its room
   */
  relayed(nowMs: number, mirror: Peer, offset: number, length: number, audible: boolean): void {
    this.#context.waitedUs = 0
    this.totals.relay_received++
    if (readRtp(this.#context.io.rx, offset, length, view) !== RtpFault.none) {
      this.totals.drop_rtp_malformed++
      return
    }
    mirror.speaker.audible = audible
    this.#take(nowMs, mirror, offset, length)
    if (this.#blamed.size > 0) this.#tellBlamed()
  }

  /** RTCP of a mirror on another worker for its publisher here. */
  requested(nowMs: number, publisher: Peer, route: RelayRoute, offset: number, length: number): void {
    this.#context.waitedUs = 0
    takeRequests(this.#context, nowMs, publisher, route, offset, length)
  }

  /** The packet whose header is in `view`. */
  #take(nowMs: number, peer: Peer, offset: number, length: number): void {
    const { totals } = this
    const source = peer.route(nowMs, view)
    if (typeof source === 'number') return countDrop(totals, -source)
    peer.reports.heard(nowMs)
    if (source.rtx) totals.rtx_received++
    const { stream } = source
    const reason = source.rtx ? stream.rtx(nowMs, source, view, offset) : stream.media(nowMs, source, view, offset)
    countDrop(totals, reason)
    if (peer.routes.length === 0 || reason === Drop.duplicate || reason === Drop.rtxEmpty) return
    const audible = stream.line.gate?.speaker.audible ?? true
    const frame = audible ? Frame.packet : Frame.inaudible
    totals.relay_sent += passOn(this.#context, peer.routes, frame, this.#context.io.rx, offset, length)
  }

  /**
   * One decrypted compound RTCP packet of `peer`, `rx[offset … offset + length)`. Never throws on what it says.
   * @param waitedUs as of `rtp`
   */
  rtcp(nowMs: number, peer: Peer, offset: number, length: number, waitedUs: number): void {
    this.#context.waitedUs = waitedUs
    const reports = takeFeedback(this.#context, nowMs, peer, offset, length)
    if (reports && peer.routes.length > 0)
      passOn(this.#context, peer.routes, Frame.report, this.#context.io.rx, offset, length)
    if (this.#blamed.size > 0) this.#tellBlamed()
  }

  /** Sends what is due: NACKs, keyframe requests, reports; notices silence. */
  expire(nowMs: number): void {
    this.#bottlenecks.expire(nowMs)
    if (nowMs >= this.#deadlineMs) this.#expirePeers(nowMs)
    if (this.#blamed.size > 0) this.#tellBlamed()
  }

  #expirePeers(nowMs: number): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    for (const peer of this.#peers.values()) {
      try {
        this.#context.wake(peer.expire(nowMs))
      } catch (error) {
        this.#context.events.failed(peer.endpoint, error)
      }
    }
    const { audible, events } = this.#context
    const told = audible.tell(nowMs)
    if (told.length > 0) events.speakers(told)
    this.#context.wake(audible.deadlineMs)
  }

  /** When `expire` has something to do; Infinity when nothing is due. */
  get deadlineMs(): number {
    return Math.min(this.#deadlineMs, this.#bottlenecks.deadlineMs)
  }

  #blame(transport: number, error: unknown): void {
    for (const peer of this.#peers.values()) {
      if (peer.transport !== transport) continue
      if (!this.#blamed.has(peer.endpoint)) this.#blamed.set(peer.endpoint, error)
      return
    }
    throw error
  }

  /** Whoever hears of a peer closes it, which takes its subscriptions out of the lists that packets go through: so not before. */
  #tellBlamed(): void {
    for (const [endpoint, error] of this.#blamed) {
      this.#blamed.delete(endpoint)
      this.#context.events.failed(endpoint, error)
    }
  }

  /** What is alive. Subscriptions are m-lines towards subscribers, fed or not. */
  live(): { peers: number; publications: number; subscriptions: number; links: number } {
    let publications = 0
    let subscriptions = 0
    for (const peer of this.#peers.values()) {
      publications += peer.publications.length
      for (const { subscription } of peer.feeds) if (subscription.active) subscriptions++
    }
    return { peers: this.#peers.size, publications, subscriptions, links: this.#bottlenecks.size }
  }
}
