/**
 * The PeerConnection of a connection that subscribes to a user's media: we offer, the client answers. One offer
 * is out at a time; whatever changes meanwhile becomes one new offer when the answer is there. Only a client that asks
 * for media gets a new offer in the place of one that is out: that one may have been lost with its transport. M-lines are only
 * ever appended, so that what the publisher sends reaches the client where it was, and there is an offer only for m-lines
 * that are new, and for other tracks on those that are there.
 */
import { randomBytes, randomInt } from 'node:crypto'
import type { CodecPolicy, RemoteDescription, SubscriberSlot } from '../jsep/jsep.js'
import { offerSubscriber } from '../jsep/offer-subscriber.js'
import { readSubscriberAnswer } from '../jsep/read-subscriber-answer.js'
import { iceChanged } from '../jsep/renegotiation.js'
import { appendSlot, renewSlots, subscriberSlots } from '../jsep/slots.js'
import type { DtlsParameters, IceCredentials, Preferences } from '../media/control.js'
import type { PooledEndpoint } from '../media/pool-types.js'
import { type Refusal, refuse } from './errors.js'
import type { Exchange } from './publisher.js'
import type { Source } from './room.js'
import { SlotTracks } from './slot-tracks.js'

export interface Endpoints {
  /** Opens an endpoint for subscribing to a publisher, or undefined when no worker can take it. */
  open(publisher: PooledEndpoint): PooledEndpoint | undefined
  /** The subscriber has another endpoint now. */
  opened(): void
}

const random32 = () => randomInt(2 ** 32)
/** The most that there is at once. */
const random48 = () => randomInt(2 ** 48 - 1)
/** 96 bits (RFC 7022 §4.2 asks for as many). */
const randomName = () => randomBytes(12).toString('base64url')

export class Subscriber {
  readonly #endpoints: Endpoints
  readonly #codecs: CodecPolicy
  /** Of the o= line (RFC 9429 §5.2.1). */
  readonly #sessionId = String(random48() + 1)
  /** CNAME, and the name of what comes without one. */
  readonly #name = randomName()
  #tracks = new SlotTracks(this.#name)
  #offers = 0
  #endpoint: PooledEndpoint
  /** Whom its worker was chosen for. */
  #chosenFor: PooledEndpoint
  /** What the user that the client asked for published on last; undefined before it did. */
  #followed: PooledEndpoint | undefined
  /** What the endpoint knows of the client; nothing before the first answer. */
  #remote: { ice: IceCredentials; dtls: DtlsParameters } | undefined
  #source: Source | undefined
  /** Whom the endpoint was told to forward. */
  #feeding: PooledEndpoint | null = null
  #slots: readonly SubscriberSlot[] = subscriberSlots(random32)
  /** M-lines of the newest offer. */
  #offered: readonly SubscriberSlot[] = []
  /** The newest offer waits for its answer. */
  #isOut = false
  /** Offers that a newer one took the place of: a client that got them after all answers each. */
  #replaced = 0
  #preferences: Preferences | undefined
  /** The client waits for an offer. */
  #asked = false
  /** An offer has to be made as soon as none is out. */
  #due = false
  #restartDue = false

  /** @param chosenFor the publisher that `endpoint` was opened for */
  constructor(endpoint: PooledEndpoint, chosenFor: PooledEndpoint, endpoints: Endpoints, codecs: CodecPolicy) {
    this.#endpoint = endpoint
    this.#chosenFor = chosenFor
    this.#endpoints = endpoints
    this.#codecs = codecs
  }

  get endpoint(): PooledEndpoint {
    return this.#endpoint
  }

  /** An offer is out. */
  get awaitsAnswer(): boolean {
    return this.#isOut
  }

  /** An answer may come: to the offer that is out, or to one before it. */
  get takesAnswer(): boolean {
    return this.#isOut || this.#replaced > 0
  }

  /**
   * The client asks for an offer: the next one is made even if nothing has changed, and even if one is out.
   * @param restartIce it asks for the same user again; else the tracks are somebody else's from now on
   */
  ask(restartIce: boolean): void {
    if (!restartIce) {
      this.#tracks = new SlotTracks(this.#name)
      this.#followed = undefined
    }
    this.#asked = true
    this.#restartDue ||= restartIce
  }

  /** The client wants no more than this of what it gets. */
  prefer(preferences: Preferences): void {
    this.#preferences = preferences
    this.#endpoint.prefer(preferences)
  }

  /**
   * Forwards `source` from now on.
   * @returns an offer to hand to the client, when one is needed now
   */
  follow(source: Source | undefined): string | undefined {
    this.#source = source
    if (source) {
      this.#grow(source)
      this.#succeed(source.endpoint)
      if (!this.#suits(source.endpoint)) this.#due = true
    }
    this.#feed()
    return this.#offerIfDue()
  }

  /**
   * Checks an answer. It is taken for one to the newest offer: what it says of m-lines holds for both, and if it was to an
   * offer before, the answer to the newest follows and has the last word.
   */
  answer(answer: RemoteDescription): Exchange | Refusal {
    if (!this.takesAnswer) return refuse('unexpected_answer')
    const known = this.#remote
    const newest = this.#offers
    if (known && known.dtls.fingerprint.value !== answer.fingerprint.value) {
      return refuse('invalid_sdp', 'The answer has another DTLS fingerprint than the one before; hang up first.')
    }
    const read = readSubscriberAnswer(answer, this.#offered, this.#codecs, known?.dtls.role)
    if (!read.ok) return refuse('invalid_sdp', `${read.reason}.`)
    const { dtls, streams } = read.value
    const commit = () => {
      if (!this.#remote || iceChanged(this.#remote.ice, answer.ice)) this.#endpoint.connect(answer.ice, dtls)
      this.#remote = { ice: answer.ice, dtls }
      this.#endpoint.send(streams)
      // The message that brought it may have asked for media as well: then it is not to the offer that went out for that.
      if (this.#isOut && newest === this.#offers) this.#isOut = false
      else this.#replaced--
      return undefined
    }
    return { commit, abandon: () => {} }
  }

  /** @returns the offer that waited for the answer to the last one */
  next(): string | undefined {
    return this.#offerIfDue()
  }

  close(): void {
    this.#endpoint.close()
  }

  #feed(): void {
    const fed = this.#source && this.#suits(this.#source.endpoint) ? this.#source.endpoint : null
    if (fed === this.#feeding) return
    this.#feeding = fed
    this.#endpoint.source(fed)
  }

  #offerIfDue(): string | undefined {
    if (!this.#source || (this.#isOut && !this.#asked)) return undefined
    const { endpoint, tracks } = this.#source
    if (!this.#asked && !this.#due && !this.#tracks.changed(this.#slots, tracks)) return undefined
    if (!this.#move(endpoint)) return undefined
    if (this.#restartDue && this.#remote) this.#endpoint.restart()
    this.#asked = this.#due = this.#restartDue = false
    if (this.#isOut) this.#replaced++
    this.#isOut = true
    this.#offered = this.#slots
    const said = this.#tracks.of(this.#slots, tracks)
    this.#tracks.tell(this.#slots, said)
    return offerSubscriber({
      slots: this.#slots,
      tracks: said,
      local: this.#endpoint,
      origin: { sessionId: this.#sessionId, sessionVersion: String(++this.#offers) },
      cname: this.#name,
      codecs: this.#codecs,
    })
  }

  /** Appends m-lines until the source fits. */
  #grow({ tracks }: Source): void {
    for (const { kind, index } of tracks) {
      while (this.#slots.filter((slot) => slot.kind === kind).length <= index) {
        this.#slots = appendSlot(this.#slots, kind, random32)
      }
    }
  }

  /**
   * The user goes on with `publisher`. Who got the one before from afar gets this one so too: there was no place on that worker,
   * and a whole audience would negotiate anew at once.
   */
  #succeed(publisher: PooledEndpoint): void {
    const before = this.#followed
    this.#followed = publisher
    if (before === this.#chosenFor && before.worker !== this.#endpoint.worker) this.#chosenFor = publisher
  }

  /** Whether the endpoint is on a worker where it should get `publisher`: on its own, or one that was chosen for it. */
  #suits(publisher: PooledEndpoint): boolean {
    return publisher === this.#chosenFor || publisher.worker === this.#endpoint.worker
  }

  /** To a worker where it should get `publisher`, on a new endpoint. @returns false when there is none to be had */
  #move(publisher: PooledEndpoint): boolean {
    if (this.#suits(publisher)) return true
    const endpoint = this.#endpoints.open(publisher)
    if (!endpoint) return false
    this.#endpoint.close()
    this.#endpoint = endpoint
    this.#chosenFor = publisher
    this.#slots = renewSlots(this.#slots, random32)
    this.#remote = undefined
    this.#feeding = null
    this.#endpoints.opened()
    if (this.#preferences) endpoint.prefer(this.#preferences)
    this.#feed()
    return true
  }
}
