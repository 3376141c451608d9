/**
 * The one PeerConnection of a connection, whichever kind it is, and who may offer: a connection that subscribes
 * is offered to and may only answer, any other may only offer. So the two sides never offer at once (no glare),
 * and exchanges of one connection follow each other.
 */
import type { Jsep, NegotiationState } from '../janus/plugin.js'
import type { CodecPolicy, RemoteDescription } from '../jsep/jsep.js'
import { readAnswer } from '../jsep/read-answer.js'
import { readDescription } from '../jsep/read-description.js'
import type { HangupReason, MediaKind, Preferences } from '../media/control.js'
import type { EndpointObserver, MediaPool, PooledEndpoint, Wanted } from '../media/pool-types.js'
import type { Clock } from './clock.js'
import { Refusal, refuse } from './errors.js'
import { type MlineOrder, mlineOrder } from './mline-order.js'
import { type Exchange, Publisher } from './publisher.js'
import type { Quota, QuotaClient } from './quota.js'
import type { Source } from './room.js'
import { Subscriber } from './subscriber.js'

/** Characters of a client's description that are kept to show it; those of browsers are a tenth of it. */
const SDP_KEPT_MAX = 64 * 1024

const PEER_CONNECTION_LOST = 'This PeerConnection was not heard of for too long and has ended; make a new one.'

/** What a PeerConnection tells its connection. */
export interface NegotiationHost extends QuotaClient {
  /** It needs a token to join, and has not joined. */
  readonly isStranger: boolean
  /** An offer of ours that answers no request. */
  offer(jsep: Jsep): void
  /** ICE and DTLS are up; once per PeerConnection. */
  connected(): void
  receives(mid: string, kind: MediaKind, receiving: boolean, silentMs?: number): void
  slowlink(mid: string, kind: MediaKind, uplink: boolean, lost: number): void
  /** Nothing was heard of the client on this PeerConnection for so long that it may be gone. */
  silent(): void
  /** There is a new endpoint: the worker has to know its room. */
  opened(): void
  /** The PeerConnection got its data m-line, or lost it. */
  dataChanged(): void
  /** What the connection publishes has changed. */
  sourceChanged(): void
  /** The PeerConnection is gone, and everything that belonged to it. */
  ended(reason: string, wasConnected: boolean): void
}

export interface NegotiationParts {
  readonly pool: MediaPool
  readonly quota: Quota
  readonly codecs: CodecPolicy
  readonly clock: Pick<Clock, 'nowMs'>
}

/** What else happens to the connection in the message that brings a description. */
export interface Circumstances {
  /** It asks, or has asked, for a user's media. */
  subscribes: boolean
  /** The room that it is in, or joins. */
  room: string | undefined
}

/** An endpoint's life as far as the connection was told of it. */
interface Life {
  /** ICE and DTLS are up. */
  isConnected: boolean
  /** Nothing is heard of the client at the moment. */
  isSilent: boolean
  ended?: HangupReason
}

export class Negotiation {
  readonly #parts: NegotiationParts
  readonly #host: NegotiationHost
  readonly #lives = new WeakMap<PooledEndpoint, Life>()
  #publisher: Publisher | undefined
  /** The last one whose consent ran out: it has no transport any more, which its client may not know. */
  #lost: Publisher | undefined
  #subscriber: Subscriber | undefined
  /** What the client wants of media that it gets; holds for every PeerConnection. */
  #preferences: Preferences | undefined
  /** The last descriptions that went out and came in, for operators. */
  #localSdp: string | undefined
  #remoteSdp: string | undefined
  /** The order of m-lines, and the description that it was read from. */
  #order: MlineOrder & { readonly sdp: string } = { sdp: '', ...mlineOrder('') }
  /** Offers that were checked, and will be answered or forgotten: for each there is an endpoint already. */
  #prepared = 0
  /** `webrtcup` was sent for this PeerConnection. */
  #wasConnected = false

  constructor(parts: NegotiationParts, host: NegotiationHost) {
    this.#parts = parts
    this.#host = host
  }

  get source(): Source | undefined {
    return this.#publisher
  }

  get subscribes(): boolean {
    return this.#subscriber !== undefined
  }

  /** The endpoint of the PeerConnection that there is. */
  get endpoint(): PooledEndpoint | undefined {
    return this.#publisher?.endpoint ?? this.#subscriber?.endpoint
  }

  /** ICE and DTLS are up, and the client is heard of. */
  get up(): boolean {
    const endpoint = this.endpoint
    const { isConnected = false, isSilent = false } = (endpoint && this.#lives.get(endpoint)) ?? {}
    return isConnected && !isSilent
  }

  get localSdp(): string | undefined {
    return this.#localSdp
  }

  /** Where the m-lines are. */
  get order(): MlineOrder {
    const { localSdp: sdp = '' } = this
    if (this.#order.sdp !== sdp) this.#order = { sdp, ...mlineOrder(sdp) }
    return this.#order
  }

  get remoteSdp(): string | undefined {
    return this.#remoteSdp
  }

  /** An answer of the client may come. */
  get takesAnswer(): boolean {
    return this.#subscriber?.takesAnswer ?? false
  }

  get state(): NegotiationState {
    if (this.#subscriber?.awaitsAnswer) return 'pending'
    return this.endpoint ? 'stable' : 'none'
  }

  /** Checks a description of the client against where things stand, and prepares what follows from it. */
  prepare(jsep: Jsep, circumstances: Circumstances): Exchange | Refusal {
    const { subscribes, room } = circumstances
    if (jsep.type === 'offer' && (subscribes || this.#subscriber)) return refuse('offer_on_subscriber')
    if (jsep.type === 'answer' && !this.takesAnswer) return refuse('unexpected_answer')
    const read = jsep.type === 'answer' ? readAnswer(jsep.sdp) : readDescription(jsep.sdp)
    if (!read.ok) return refuse('invalid_sdp', `${read.reason}.`)
    const exchange = jsep.type === 'answer' ? this.#prepareAnswer(read.value) : this.#prepareOffer(read.value, room)
    return exchange instanceof Refusal ? exchange : this.#noting(jsep, exchange)
  }

  /** Remembers the descriptions of an exchange once it is made. */
  #noting({ sdp: remote }: Jsep, { commit, abandon }: Exchange): Exchange {
    const noted = () => {
      const local = commit()
      // Whoever wrote an SDP of another size has no use for reading it here.
      if (remote.length <= SDP_KEPT_MAX) this.#remoteSdp = remote
      this.#localSdp = local ?? this.#localSdp
      return local
    }
    return { commit: noted, abandon }
  }

  /**
   * Makes sure that `source` can be subscribed to; the last thing that may fail before `attend`.
   * @param source undefined when the user has not offered yet
   */
  reserve(source: Source | undefined): Refusal | undefined {
    if (this.#publisher) return refuse('media_on_publisher')
    // Only who is in a room, or joins one with the same message, may ask for media: it is no stranger.
    if (!this.#takePlace(false)) return refuse('too_many_peer_connections')
    if (!source || this.#subscriber) return undefined
    this.#subscriber = this.#newSubscriber(source)
    this.#host.opened()
    if (this.#subscriber) return undefined
    this.#givePlaceBack()
    return refuse('no_media_worker')
  }

  /**
   * The client asked for media.
   * @param again it has asked for the same user before: the new offer restarts ICE
   * @returns the offer to reply with; without one it is pushed as soon as it can be made
   */
  attend(source: Source | undefined, again: boolean): Jsep | undefined {
    this.#subscriber?.ask(again)
    return this.#offer(this.#subscriber?.follow(source))
  }

  /** The client wants no more than this of the media that it gets, now and later. */
  prefer(preferences: Preferences): void {
    this.#preferences = preferences
    this.#subscriber?.prefer(preferences)
  }

  /** What the user publishes whose media the client asked for has changed. */
  follow(source: Source | undefined): void {
    if (source && !this.#subscriber) {
      this.#subscriber = this.#newSubscriber(source)
      if (!this.#subscriber) {
        // The client waits for an offer: it has to know that none will come.
        this.#givePlaceBack()
        this.#host.ended('No media worker', false)
        return
      }
      this.#host.opened()
      this.#subscriber.ask(false)
    }
    this.#push(this.#subscriber?.follow(source))
  }

  /** The client wants nobody's media any more; a PeerConnection that there is stays. */
  ignore(): void {
    this.follow(undefined)
    this.#givePlaceBack()
  }

  /** Ends the PeerConnection, if there is one. */
  hangup(reason: string): void {
    if (!this.endpoint) return
    const wasConnected = this.#wasConnected
    this.close()
    this.#host.ended(reason, wasConnected)
  }

  /** As `hangup`, without a word to the client. */
  close(): void {
    const { endpoint } = this
    const published = this.#publisher !== undefined
    this.#localSdp = this.#remoteSdp = undefined
    this.#publisher = this.#subscriber = undefined
    this.#wasConnected = false
    if (published) this.#host.sourceChanged()
    endpoint?.close()
    this.#givePlaceBack()
  }

  #prepareAnswer(answer: RemoteDescription): Exchange | Refusal {
    const subscriber = this.#subscriber
    const exchange = subscriber?.answer(answer)
    if (!exchange || exchange instanceof Refusal) return exchange ?? refuse('unexpected_answer')
    const commit = () => {
      if (this.#subscriber !== subscriber) return undefined
      exchange.commit()
      this.#push(subscriber?.next())
      return undefined
    }
    return { commit, abandon: exchange.abandon }
  }

  #prepareOffer(received: RemoteDescription, room: string | undefined): Exchange | Refusal {
    const current = this.#publisher
    // The DTLS association that it would go on with is gone here, and alive there: it could never connect.
    if (!current && this.#lost?.continues(received)) return refuse('invalid_sdp', PEER_CONNECTION_LOST)
    if (current?.continues(received)) {
      const problem = current.problem(received)
      if (problem !== undefined) return refuse('invalid_sdp', `${problem}.`)
      const exchange = current.renegotiate(received)
      const commit = () => (this.#publisher === current ? this.#renegotiate(current, exchange) : undefined)
      return { commit, abandon: exchange.abandon }
    }
    const where = current ? { worker: current.endpoint.worker } : room === undefined ? {} : { room }
    if (!this.#takePlace(room === undefined && this.#host.isStranger)) return refuse('too_many_peer_connections')
    const endpoint = this.#openEndpoint(where)
    if (!endpoint) {
      this.#givePlaceBack()
      return refuse('no_media_worker')
    }
    return this.#orGiveBack(endpoint, () => this.#prepareFirst(new Publisher(endpoint, received, this.#parts.codecs)))
  }

  #prepareFirst(publisher: Publisher): Exchange {
    const exchange = publisher.answerFirst()
    this.#prepared++
    const commit = () => {
      this.#prepared--
      return this.#replace(publisher, exchange)
    }
    const abandon = () => {
      this.#prepared--
      exchange.abandon()
      this.#givePlaceBack()
    }
    return { commit, abandon }
  }

  /** The client's first offer, or that of another PeerConnection instead of the one it had. */
  #replace(publisher: Publisher, exchange: Exchange): string | undefined {
    const old = this.#publisher
    this.#publisher = publisher
    this.#lost = undefined
    this.#wasConnected = false
    this.#host.opened()
    const sdp = this.#published(exchange)
    old?.endpoint.close()
    const ended = this.#lives.get(publisher.endpoint)?.ended
    if (ended !== undefined) queueMicrotask(() => this.#ended(publisher.endpoint, ended))
    return sdp
  }

  #renegotiate(publisher: Publisher, exchange: Exchange): string | undefined {
    const { data } = publisher
    const sdp = this.#published(exchange)
    if (publisher.data !== data) this.#host.dataChanged()
    return sdp
  }

  #published(exchange: Exchange): string | undefined {
    const sdp = exchange.commit()
    this.#host.sourceChanged()
    return sdp
  }

  #takePlace(isStranger: boolean): boolean {
    return this.#parts.quota.take(this.#host, this, isStranger)
  }

  /** A PeerConnection that there is, or is about to be, keeps its place. */
  #givePlaceBack(): void {
    if (!this.endpoint && this.#prepared === 0) this.#parts.quota.giveBack(this)
  }

  #newSubscriber(source: Source): Subscriber | undefined {
    const endpoint = this.#openEndpoint({ publisher: source.endpoint })
    if (!endpoint) return undefined
    return this.#orGiveBack(endpoint, () => {
      const subscriber = new Subscriber(endpoint, this.#parts.codecs, this.#parts.clock)
      if (this.#preferences) subscriber.prefer(this.#preferences)
      return subscriber
    })
  }

  /** What `make` makes of an endpoint just opened. When it throws, a bug of ours, neither the endpoint nor its place is kept. */
  #orGiveBack<T>(endpoint: PooledEndpoint, make: () => T): T {
    try {
      return make()
    } catch (error) {
      endpoint.close()
      this.#givePlaceBack()
      throw error
    }
  }

  #openEndpoint(where: Wanted): PooledEndpoint | undefined {
    const life: Life = { isConnected: false, isSilent: false }
    const observer: EndpointObserver = {
      connected: () => this.#connected(endpoint, life),
      silence: (isSilent) => {
        life.isSilent = isSilent
        if (isSilent && this.#wasConnected && this.endpoint === endpoint) this.#host.silent()
      },
      media: (mid, kind, receiving, silentMs) => {
        if (this.endpoint === endpoint) this.#host.receives(mid, kind, receiving, silentMs)
      },
      slowlink: (mid, kind, uplink, lost) => {
        if (this.endpoint === endpoint) this.#host.slowlink(mid, kind, uplink, lost)
      },
      closed: (reason) => {
        life.isConnected = false
        life.ended = reason
        this.#ended(endpoint, reason)
      },
    }
    const endpoint = this.#parts.pool.open(where, observer)
    if (endpoint) this.#lives.set(endpoint, life)
    return endpoint
  }

  #connected(endpoint: PooledEndpoint | undefined, life: Life): void {
    life.isConnected = true
    if (this.endpoint !== endpoint || this.#wasConnected) return
    this.#wasConnected = true
    this.#host.connected()
  }

  #ended(endpoint: PooledEndpoint | undefined, reason: HangupReason): void {
    if (!endpoint || this.endpoint !== endpoint) return
    if (reason === 'ICE failed' && this.#wasConnected) this.#lost = this.#publisher
    this.hangup(reason)
  }

  #push(sdp: string | undefined): void {
    const jsep = this.#offer(sdp)
    if (jsep) this.#host.offer(jsep)
  }

  #offer(sdp: string | undefined): Jsep | undefined {
    if (sdp === undefined) return undefined
    this.#localSdp = sdp
    return { type: 'offer', sdp }
  }
}
