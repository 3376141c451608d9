/**
 * The PeerConnection of a connection that subscribes to a user's media: we offer, the client answers. One offer
 * is out at a time; whatever changes meanwhile becomes one new offer when the answer is there. Only a client that asks
 * for media gets a new offer in the place of one that is out: that one may have been lost with its transport. M-lines are only
 * ever appended, so that what the publisher sends reaches the client where it was, and there is an offer only for m-lines
 * that are new, and for other tracks on those that are there.
 *
 * Its transport never changes: a client goes on with the DTLS association that it has, and Firefox ignores the
 * fingerprint of another one. Publishers on other workers are fed to it through mirrors.
 */
import { randomBytes, randomInt } from 'node:crypto'
import type { CodecPolicy, RemoteDescription, SubscriberSlot } from '../jsep/jsep.js'
import { offerSubscriber } from '../jsep/offer-subscriber.js'
import { readSubscriberAnswer } from '../jsep/read-subscriber-answer.js'
import { iceChanged } from '../jsep/renegotiation.js'
import { appendSlot, subscriberSlots } from '../jsep/slots.js'
import type { DtlsParameters, IceCredentials, Preferences } from '../media/control.js'
import type { PooledEndpoint } from '../media/pool-types.js'
import type { Clock } from './clock.js'
import { type Refusal, refuse } from './errors.js'
import type { Exchange } from './publisher.js'
import type { Source } from './room.js'
import { SlotTracks } from './slot-tracks.js'

/**
 * An answer to an offer that a newer one took the place of comes no later than this after the one that was taken for the
 * answer to the newest: a client that got both answers them one after the other. One that comes later was never asked for.
 */
export const LATE_ANSWER_MS = 30_000

const random32 = () => randomInt(2 ** 32)
/** The most that there is at once. */
const random48 = () => randomInt(2 ** 48 - 1)
/** 96 bits (RFC 7022 §4.2 asks for as many). */
const randomName = () => randomBytes(12).toString('base64url')

export class Subscriber {
  readonly endpoint: PooledEndpoint
  readonly #codecs: CodecPolicy
  readonly #clock: Pick<Clock, 'nowMs'>
  /** Session id in the o= line (RFC 9429 §5.2.1). */
  readonly #sessionId = String(random48() + 1)
  /** CNAME, and the name of what comes without one. */
  readonly #name = randomName()
  #tracks = new SlotTracks(this.#name)
  #offers = 0
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
  /** Offers that a newer one took the place of: a client that got them after all answers each, until `#lateUntilMs`. */
  #replaced = 0
  #lateUntilMs = Number.POSITIVE_INFINITY
  /** The client waits for an offer. */
  #asked = false
  #restartDue = false

  /** @param endpoint freshly opened; the subscriber owns it from now on, and never has another one */
  constructor(endpoint: PooledEndpoint, codecs: CodecPolicy, clock: Pick<Clock, 'nowMs'>) {
    this.endpoint = endpoint
    this.#codecs = codecs
    this.#clock = clock
  }

  /** An offer is out. */
  get awaitsAnswer(): boolean {
    return this.#isOut
  }

  /** An answer may come: to the offer that is out, or to one before it. */
  get takesAnswer(): boolean {
    return this.#isOut || this.#mayComeLate
  }

  get #mayComeLate(): boolean {
    return this.#replaced > 0 && this.#clock.nowMs() < this.#lateUntilMs
  }

  /**
   * The client asks for an offer: the next one is made even if nothing has changed, and even if one is out.
   * @param restartIce it asks for the same user again; else the tracks are somebody else's from now on
   */
  ask(restartIce: boolean): void {
    if (!restartIce) this.#tracks = new SlotTracks(this.#name)
    this.#asked = true
    this.#restartDue ||= restartIce
  }

  /** The client wants no more than this of what it gets. */
  prefer(preferences: Preferences): void {
    this.endpoint.prefer(preferences)
  }

  /**
   * Forwards `source` from now on.
   * @returns an offer to hand to the client, when one is needed now
   */
  follow(source: Source | undefined): string | undefined {
    this.#source = source
    if (source) this.#grow(source)
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
      if (!known || iceChanged(known.ice, answer.ice)) this.endpoint.connect(answer.ice, dtls)
      this.#remote = { ice: answer.ice, dtls }
      this.endpoint.setSendStreams(streams)
      // A message may ask for media and bring an answer: it cannot be to the offer that is made for that message.
      if (this.#isOut && newest === this.#offers) {
        this.#isOut = false
        this.#lateUntilMs = this.#clock.nowMs() + LATE_ANSWER_MS
      } else if (this.#replaced > 0) this.#replaced--
      return undefined
    }
    return { commit, abandon: () => {} }
  }

  /** @returns the offer that waited for the answer to the last one */
  next(): string | undefined {
    return this.#offerIfDue()
  }

  /** From wherever the publisher lives: the transport that the client has stays. */
  #feed(): void {
    const fed = this.#source?.endpoint ?? null
    if (fed === this.#feeding) return
    this.#feeding = fed
    this.endpoint.follow(fed)
  }

  #offerIfDue(): string | undefined {
    if (!this.#source || (this.#isOut && !this.#asked)) return undefined
    const { tracks } = this.#source
    if (!this.#asked && !this.#tracks.changed(this.#slots, tracks)) return undefined
    if (this.#restartDue && this.#remote) this.endpoint.restart()
    this.#asked = this.#restartDue = false
    if (this.#isOut) this.#replaced++
    else if (!this.#mayComeLate) this.#replaced = 0
    this.#lateUntilMs = Number.POSITIVE_INFINITY
    this.#isOut = true
    this.#offered = this.#slots
    const said = this.#tracks.of(this.#slots, tracks)
    this.#tracks.tell(this.#slots, said)
    return offerSubscriber({
      slots: this.#slots,
      tracks: said,
      local: this.endpoint,
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
}
