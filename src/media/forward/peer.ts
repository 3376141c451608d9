/**
 * One endpoint as the forwarder sees it: what it publishes, what it subscribes to, and which SSRC is which.
 */
import type {
  EndpointId,
  EndpointInfo,
  MirroredSource,
  Preferences,
  ReceiveStream,
  SendStream,
  StreamPreference,
} from '../control.js'
import type { RtpView } from '../rtp/packet.js'
import { DistantSpeaker, SoundGate } from './audible/sound-gate.js'
import { Speaker } from './audible/speakers.js'
import type { ForwardContext } from './context.js'
import type { Encoding, EncodingSource } from './encoding.js'
import { FIRST_TARGET, PacedDownlink } from './paced-downlink.js'
import { PeerReports } from './peer-reports.js'
import { PeerSources } from './peer-sources.js'
import { Publication } from './publication.js'
import type { RelayRoute } from './relay/link.js'
import type { Reporter } from './reports.js'
import { Subscription } from './subscription.js'
import { Drop } from './totals.js'
import { Uplink } from './uplink.js'

/** Mirrors are told of new SSRCs all at once, no more often than this. */
const SOURCES_INTERVAL_MS = 20
/** Media streams of one peer; what jsep accepts is below that. */
export const MAX_STREAMS = 64
/** Streams to one peer, those that have ended among them: their numbers must not be used again. */
export const MAX_FEEDS = MAX_STREAMS * 4

/** One m-line towards a subscriber, and where its packets come from at present. */
export interface Feed {
  readonly subscription: Subscription
  /** null: nothing is sent (no such stream, not connected, paused). */
  publication: Publication | null
}

export class Peer {
  readonly endpoint: EndpointId
  readonly transport: number
  readonly #context: ForwardContext
  readonly #peers: ReadonlyMap<EndpointId, Peer>
  readonly #reporter: Reporter
  readonly downlink: PacedDownlink
  readonly uplink: Uplink
  readonly reports: PeerReports
  readonly #publications: Publication[] = []
  readonly #feeds: Feed[] = []
  readonly #sources: PeerSources
  readonly #subscribers = new Set<Peer>()
  #source: Peer | null = null
  /** The publisher that was named, open or not; null = none. */
  #sourceId: EndpointId | null = null
  #preferences: Preferences = { mids: [] }
  /** Where it is; null before it joins. */
  #room: string | null = null
  #connected = false
  #paused = false
  #closed = false
  /** When mirrors are to be told of SSRCs, and when they were last. */
  #sourcesDueMs = Number.POSITIVE_INFINITY
  #sourcesToldMs = Number.NEGATIVE_INFINITY
  /** To its mirrors on other workers. */
  readonly routes: RelayRoute[] = []
  /** The speaker behind a mirror, who is ranked where the publisher lives. */
  readonly speaker = new DistantSpeaker()

  /**
   * @param peers all open peers, this one not yet among them
   * @param transport of the io; −1 for a mirror, which has none
   * @param back of a mirror: the way to its publisher; else nothing
   */
  constructor(
    context: ForwardContext,
    peers: ReadonlyMap<EndpointId, Peer>,
    endpoint: EndpointId,
    transport: number,
    back: readonly RelayRoute[],
  ) {
    this.#context = context
    this.#peers = peers
    this.endpoint = endpoint
    this.transport = transport
    const cname = new TextEncoder().encode(hex(context.random()) + hex(context.random()))
    this.#reporter = { transport, ssrc: context.random() >>> 0, cname, routes: back }
    this.#sources = new PeerSources(context, this.#publications)
    this.uplink = new Uplink(context, this.#reporter)
    this.reports = new PeerReports(context, endpoint, this.#reporter, this.uplink, this.#publications)
    this.downlink = new PacedDownlink(context, transport, cname, this.#feeds, `#${endpoint}`)
  }

  get publications(): readonly Publication[] {
    return this.#publications
  }

  /** Its publisher lives on another worker. */
  get isMirror(): boolean {
    return this.#reporter.routes.length > 0
  }

  get feeds(): readonly Feed[] {
    return this.#feeds
  }

  // ---- what the worker says

  /** ICE and DTLS are up: from now on it gets packets. */
  connected(nowMs: number): void {
    if (this.#connected || this.#closed) return
    this.#connected = true
    this.#refresh(nowMs)
  }

  /** Whose connection it is: all of one client share a link. */
  setClient(client: string, nowMs: number): void {
    if (!this.#closed) this.downlink.belongsTo(client, nowMs)
  }

  /** What the peer sends, whole: m-lines that are missing or inactive have ended. */
  setReceiveStreams(streams: readonly ReceiveStream[], nowMs: number): void {
    if (this.#closed) return
    const active = streams.filter((stream) => stream.active)
    const wanted = active.slice(0, MAX_STREAMS)
    this.#context.totals.lines_refused += active.length - wanted.length
    this.uplink.configure(wanted)
    const ended = this.#publications.filter(
      ({ mid, kind }) => !wanted.some((stream) => stream.mid === mid && stream.kind === kind),
    )
    for (const publication of ended) this.#endPublication(publication, true, nowMs)
    for (const stream of wanted) {
      let publication = this.#publications.find(({ mid }) => mid === stream.mid)
      if (publication) publication.configure(stream)
      else {
        publication = new Publication(this.#context, this.endpoint, this.#reporter, stream)
        this.#publications.push(publication)
        this.#rank(publication)
      }
      if (!this.isMirror) this.#sources.announce(publication, stream, nowMs)
    }
    this.#tellSources()
    for (const subscriber of this.#subscribers) subscriber.#refresh(nowMs)
  }

  /** What we send to the peer, whole. An SSRC that was used once keeps its numbers, even when it comes back. */
  setSendStreams(streams: readonly SendStream[], nowMs: number): void {
    if (this.#closed) return
    for (const { subscription } of this.#feeds) subscription.active = false
    let refused = Math.max(0, streams.length - MAX_STREAMS)
    for (const stream of streams.slice(0, MAX_STREAMS)) {
      const feed = this.#feeds.find(({ subscription }) => subscription.ssrc === stream.ssrc)
      if (feed) {
        feed.subscription.configure(stream)
        feed.publication?.shareTerms(feed.subscription)
      } else if (stream.active && this.#feeds.length === MAX_FEEDS) refused++
      else if (stream.active) {
        const subscription = new Subscription(stream, this.downlink, this.#context.random, this.#context.rows)
        subscription.prefer(this.#preferenceOf(subscription), nowMs)
        if (subscription.paced) subscription.target = FIRST_TARGET
        this.#feeds.push({ subscription, publication: null })
      }
    }
    this.#context.totals.lines_refused += refused
    this.#refresh(nowMs)
  }

  /** What the peer wants of what we send to it, whole; holds for m-lines to come too. */
  prefer(preferences: Preferences, nowMs: number): void {
    if (this.#closed) return
    this.#preferences = preferences
    for (const { subscription } of this.#feeds) subscription.prefer(this.#preferenceOf(subscription), nowMs)
  }

  #preferenceOf({ kind, stream }: Subscription): StreamPreference {
    const own = this.#preferences.mids.find(({ mid }) => mid === stream.mid)
    return own?.preference ?? this.#preferences[kind] ?? {}
  }

  /**
   * Whose streams it gets. The link holds while the publisher's streams come and go.
   * @param publisher an open peer, or the id of one that may open later or never
   */
  follow(publisher: Peer | EndpointId | null, nowMs: number): void {
    if (this.#closed) return
    this.#sourceId = publisher instanceof Peer ? publisher.endpoint : publisher
    this.#subscribeTo(this.#sourceId === null ? null : (this.#peers.get(this.#sourceId) ?? null))
    this.#refresh(nowMs)
  }

  /** A peer opened that it may have been waiting for. */
  opened(publisher: Peer, nowMs: number): void {
    if (this.#sourceId === publisher.endpoint && this.#source === null) this.follow(publisher, nowMs)
  }

  /** It is in that room now. */
  enter(room: string): void {
    if (this.#room === room || this.#closed) return
    for (const publication of this.#publications) this.#leaveRank(publication)
    this.#room = room
    for (const publication of this.#publications) this.#rank(publication)
  }

  /** While paused, nothing of its source reaches it: no packet, no retransmission, no report. */
  setPaused(paused: boolean, nowMs: number): void {
    if (this.#paused === paused || this.#closed) return
    this.#paused = paused
    this.#refresh(nowMs)
  }

  /** Ends all it publishes and subscribes to. Twice is harmless. */
  close(nowMs: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#connected = false
    this.#refresh(nowMs)
    this.#subscribeTo(null)
    this.routes.length = 0
    for (const publication of [...this.#publications]) this.#endPublication(publication, false, nowMs)
    for (const subscriber of this.#subscribers) subscriber.#source = null
    this.#subscribers.clear()
    this.downlink.close(nowMs)
    for (const { subscription } of this.#feeds) subscription.end()
    this.#feeds.length = 0
    this.reports.stop()
  }

  // ---- links between streams

  /** Brings every feed to the publication that it should have now. */
  #refresh(nowMs: number): void {
    for (const feed of this.#feeds) {
      const publication = this.#publicationFor(feed.subscription)
      if (publication === feed.publication) continue
      feed.publication?.detach(feed.subscription, nowMs)
      feed.publication = publication
      publication?.attach(feed.subscription, nowMs)
    }
  }

  #subscribeTo(publisher: Peer | null): void {
    if (this.#source !== null) this.#source.#subscribers.delete(this)
    this.#source = publisher
    if (publisher !== null) publisher.#subscribers.add(this)
  }

  #publicationFor(subscription: Subscription): Publication | null {
    if (!this.#connected || this.#paused || !subscription.active || this.#source === null) return null
    const { kind, index } = subscription
    return this.#source.#publications.find(({ stream }) => stream.kind === kind && stream.index === index) ?? null
  }

  #endPublication(publication: Publication, announce: boolean, nowMs: number): void {
    this.#publications.splice(this.#publications.indexOf(publication), 1)
    this.#leaveRank(publication)
    for (const encoding of publication.encodings) this.#sources.remove(encoding)
    for (const subscriber of this.#subscribers) {
      for (const feed of subscriber.#feeds) {
        if (feed.publication !== publication) continue
        publication.detach(feed.subscription, nowMs)
        feed.publication = null
      }
    }
    publication.end(announce)
  }

  // ---- who is heard, where only the loudest are

  #rank(publication: Publication): void {
    if (this.isMirror && publication.kind === 'audio' && this.#context.audible.limited) {
      publication.gate = new SoundGate(this.speaker, null)
      return
    }
    if (publication.kind !== 'audio' || this.#room === null) return
    const place = this.#context.audible.join(this.#room, `${this.endpoint}/${publication.mid}`)
    if (place !== null) publication.gate = new SoundGate(place.speaker, place.speakers)
  }

  #leaveRank(publication: Publication): void {
    const { gate } = publication
    if (gate === null || this.#room === null) return
    publication.gate = null
    if (gate.speaker instanceof Speaker) this.#context.audible.leave(this.#room, gate.speaker)
  }

  // ---- which SSRC is which

  /** @returns the source of the packet whose header is in `view`, or −`Drop` */
  route(nowMs: number, view: RtpView): EncodingSource | number {
    return this.#sources.find(view.ssrc) ?? (this.isMirror ? -Drop.unknownStream : this.#learn(nowMs, view))
  }

  #learn(nowMs: number, view: RtpView): EncodingSource | number {
    const source = this.#sources.learn(nowMs, view)
    if (typeof source !== 'number' && this.routes.length > 0 && this.#sourcesDueMs === Number.POSITIVE_INFINITY) {
      this.#sourcesDueMs = Math.max(nowMs, this.#sourcesToldMs + SOURCES_INTERVAL_MS)
      this.#context.wake(this.#sourcesDueMs)
    }
    return source
  }

  /** The encoding that packets of this SSRC are part of, or repair; undefined as long as that is not known. */
  encodingOf(ssrc: number): Encoding | undefined {
    return this.#sources.find(ssrc)?.stream
  }

  /** The m-line of an encoding, if it is this peer's and still there. */
  publicationOf({ line }: Encoding): Publication | undefined {
    return this.#publications.find((publication) => publication === line)
  }

  /** Mirrors learn nothing by themselves: what names an SSRC is in its first packets only. */
  #tellSources(): void {
    if (this.routes.length > 0) this.#context.events.sources(this.endpoint, this.#sources.list())
  }

  /** Tells a mirror which SSRC is what, whole. */
  setSources(sources: readonly MirroredSource[], nowMs: number): void {
    if (!this.#closed && this.isMirror) this.#sources.set(sources, nowMs)
  }

  /** From now on another worker gets what the peer sends. */
  addRoute(route: RelayRoute): void {
    if (this.#closed) return
    this.routes.push(route)
    this.#tellSources()
  }

  /** That mirror gets nothing any more. Twice is harmless. */
  removeRoute(route: RelayRoute): void {
    const at = this.routes.indexOf(route)
    if (at >= 0) this.routes.splice(at, 1)
  }

  // ---- deadlines

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    if (nowMs >= this.#sourcesDueMs) {
      this.#sourcesDueMs = Number.POSITIVE_INFINITY
      this.#sourcesToldMs = nowMs
      this.#tellSources()
    }
    let next = Math.min(this.#sourcesDueMs, this.uplink.expire(nowMs))
    for (const publication of this.#publications) next = Math.min(next, publication.expire(nowMs))
    return Math.min(next, this.reports.expire(nowMs))
  }

  // ---- what is going on

  /** Its streams, both ways. */
  info(nowMs: number): Pick<EndpointInfo, 'paused' | 'rembBps' | 'uplink' | 'downlink' | 'inbound' | 'outbound'> {
    return {
      paused: this.#paused,
      uplink: this.uplink.info(),
      rembBps: this.downlink.rembBps,
      downlink: this.downlink.info(nowMs),
      inbound: this.#publications.map((publication) => publication.info(nowMs)),
      outbound: this.#feeds
        .filter(({ subscription }) => subscription.active)
        .map(({ subscription, publication }) => ({
          ...subscription.info(nowMs, publication !== null),
          limit: this.downlink.limitOf(subscription),
        })),
    }
  }
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
