/**
 * One m-line on which a publisher sends to us: its encodings, and the subscriptions that it feeds. Each subscription gets
 * one encoding; which one follows from `layers.ts`. It changes to another at a keyframe of that one, for which the
 * publisher is asked.
 *
 * ```
 * Publication ── encodings ──▶ Encoding 'q' ── subscriptions ──▶ ○ ○ ○      walked per packet
 *      │                       Encoding 'f' ── subscriptions ──▶ ○ ○
 *      └── followers: which subscription gets which encoding, and which it should get
 * ```
 */
import { type EndpointId, type InboundInfo, MAX_ENCODINGS, type ReceiveStream } from '../control.js'
import { Activity, SILENCE_MS } from './activity.js'
import type { SoundGate } from './audible/sound-gate.js'
import { type ReceiveTypes, receiveTypes } from './codec-table.js'
import { alignedMs } from './congestion/aligned.js'
import type { ForwardContext } from './context.js'
import { Encoding } from './encoding.js'
import type { EncodingLine } from './encoding-line.js'
import { copiedIds } from './extension-blocks.js'
import { summed } from './figures.js'
import { LayerOrder } from './layer-order.js'
import { chooseLayer, type Layer } from './layers.js'
import { MEASURE_MS } from './rates.js'
import { NeedsElsewhere } from './relay/needs.js'
import type { Reporter } from './reports.js'
import type { Steering, Subscription } from './subscription.js'

/** Encodings of one m-line that are told apart: those that were negotiated, and as many that came instead of them. */
const MAX_KNOWN = MAX_ENCODINGS * 2

/** One subscription: what it gets and what it should get. */
interface Follower {
  readonly subscription: Subscription
  /** What it gets; null = nothing. */
  encoding: Encoding | null
  /** What it should get; null = nothing. Until that one's next keyframe it may get another one. */
  goal: Encoding | null
  /** Layers of the goal that it should get at most. */
  spatial: number
  temporal: number
}

export class Publication implements EncodingLine<Encoding>, Steering {
  readonly mid: string
  readonly midBytes: Uint8Array
  readonly kind: ReceiveStream['kind']
  readonly encodings: Encoding[] = []
  readonly #context: ForwardContext
  readonly #reporter: Reporter
  /** Connected, unpaused subscriptions. */
  readonly #subscriptions: Subscription[] = []
  readonly #followers = new Map<Subscription, Follower>()
  readonly #order = new LayerOrder<Encoding>()
  /** What viewers on other workers can use. */
  readonly needs = new NeedsElsewhere()
  stream: ReceiveStream
  /** Gate of an m-line of sound, where only the loudest are forwarded; null elsewhere. */
  gate: SoundGate | null = null
  types: ReceiveTypes
  sourceIds: Uint8Array
  descriptorId = 0
  #termsKey = ''
  readonly #activity: Activity
  /** When encodings are compared next, while there are several. */
  #compareMs = Number.POSITIVE_INFINITY

  /** @param reporter who reports to this publisher and asks it for packets */
  constructor(context: ForwardContext, endpoint: EndpointId, reporter: Reporter, stream: ReceiveStream) {
    this.#context = context
    this.#reporter = reporter
    this.#activity = new Activity(context.settings, (receiving, silentMs) =>
      context.events.media(endpoint, stream.mid, stream.kind, receiving, silentMs),
    )
    this.mid = stream.mid
    this.midBytes = new TextEncoder().encode(stream.mid)
    this.kind = stream.kind
    this.stream = stream
    this.types = receiveTypes([])
    this.sourceIds = copiedIds({})
    this.configure(stream)
  }

  /** Whether RTP came within the last second. */
  get receiving(): boolean {
    return this.#activity.receiving
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions
  }

  /** Payload bits of the last full second. */
  rateBps(nowMs: number): number {
    return this.encodings.reduce((sum, encoding) => sum + encoding.reports.rateBps(nowMs), 0)
  }

  /** Takes over what was negotiated again. */
  configure(stream: ReceiveStream): void {
    const termsKey = JSON.stringify([stream.payloadTypes, stream.extensions])
    this.stream = stream
    if (termsKey === this.#termsKey) return
    this.#termsKey = termsKey
    this.types = receiveTypes(stream.payloadTypes)
    this.sourceIds = copiedIds(stream.extensions)
    this.descriptorId = stream.extensions['dependency-descriptor'] ?? 0
    for (const subscription of this.#subscriptions) subscription.sourceTerms(termsKey)
  }

  /**
   * The encoding that sends under `rid`, made if there is none.
   * @param rid '' = not said. That is the only encoding there is; several are only taken for another one in silence.
   * @param rtx it is asked about retransmissions: those of an encoding that has not begun are of no use
   * @returns null when it cannot be told, or there are too many
   */
  encodingOf(rid: string, rtx: boolean, nowMs: number): Encoding | null {
    const { encodings } = this
    const known = encodings.find((encoding) => encoding.rid === rid)
    if (known !== undefined) return known
    const only = encodings.length === 1 ? encodings[0]! : null
    if (only !== null && (rid === '' || only.rid === '')) {
      if (!rtx && rid !== '') only.rid = rid
      return only
    }
    if (encodings.length === MAX_KNOWN || (rtx && encodings.length > 0)) return null
    if (rid === '' && encodings.some((encoding) => encoding.receiving(nowMs))) return null
    return this.#begin(rid, nowMs)
  }

  /** The encoding that another worker calls so, made if there is none; null = there are too many. */
  encodingNamed(rid: string, nowMs: number): Encoding | null {
    const known = this.encodings.find((encoding) => encoding.rid === rid)
    if (known !== undefined) return known
    return this.encodings.length < MAX_KNOWN ? this.#begin(rid, nowMs) : null
  }

  #begin(rid: string, nowMs: number): Encoding {
    const encoding = new Encoding(this.#context, this.#reporter, this, rid)
    this.encodings.push(encoding)
    for (const follower of this.#followers.values()) if (follower.goal === null) this.#steer(follower, nowMs)
    this.#wake(nowMs)
    return encoding
  }

  /** The m-line ended. The caller has taken the subscriptions away. */
  end(announce: boolean): void {
    this.#activity.end(announce)
  }

  // ---- who gets what

  /** From now on `subscription` gets one of the encodings. */
  attach(subscription: Subscription, nowMs: number): void {
    this.shareTerms(subscription)
    subscription.sourceTerms(this.#termsKey)
    this.#subscriptions.push(subscription)
    const follower: Follower = { subscription, encoding: null, goal: null, spatial: 0, temporal: 0 }
    this.#followers.set(subscription, follower)
    subscription.steering = this
    this.#steer(follower, nowMs)
    this.#wake(nowMs)
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

  /** From now on it gets none. Twice is harmless. */
  detach(subscription: Subscription, nowMs: number): void {
    const at = this.#subscriptions.indexOf(subscription)
    const follower = this.#followers.get(subscription)
    if (at < 0 || follower === undefined) return
    this.#subscriptions.splice(at, 1)
    subscription.steering = null
    this.#aim(follower, null, nowMs)
    this.#followers.delete(subscription)
  }

  /** What `subscription` should get may have changed. */
  steer(subscription: Subscription, nowMs: number): void {
    const follower = this.#followers.get(subscription)
    if (follower === undefined) return
    this.#steer(follower, nowMs)
    this.#wake(nowMs)
  }

  /** Something may be due sooner than it was. */
  #wake(nowMs: number): void {
    for (const encoding of this.encodings) this.#context.wake(Math.max(nowMs, encoding.deadlineMs))
  }

  #steer(follower: Follower, nowMs: number): void {
    const { target, preference } = follower.subscription
    const paused = target === null || preference.paused === true
    if (paused) return this.#aim(follower, null, nowMs)
    const { choices, places } = this.#order
    const place = choices.length > 0 ? places[chooseLayer(choices, target, preference)]! : null
    follower.spatial = place === null || place.highest ? Number.POSITIVE_INFINITY : place.spatial
    follower.temporal = Math.min(target.temporal, preference.maxTemporal ?? Number.POSITIVE_INFINITY)
    // Before the first packet nothing is known of any encoding: whichever begins will do.
    this.#aim(follower, place?.encoding ?? this.encodings[0] ?? null, nowMs)
    this.#aimLayers(follower)
  }

  /** Which layers of what it gets a subscription gets. */
  #aimLayers({ subscription, encoding, goal, spatial, temporal }: Follower): void {
    if (encoding === null || goal === null) return
    if (encoding === goal) return encoding.aim(subscription, spatial, temporal)
    // On the way down as little as possible, until the keyframe comes.
    const down = this.#order.isBelow(goal, encoding)
    encoding.aim(subscription, Number.POSITIVE_INFINITY, down ? 0 : Number.POSITIVE_INFINITY)
  }

  layered(encoding: Encoding, nowMs: number): void {
    this.#order.changed()
    this.#compare(nowMs)
    for (const follower of this.#followers.values()) if (follower.encoding === encoding) this.#aimLayers(follower)
  }

  #aim(follower: Follower, goal: Encoding | null, nowMs: number): void {
    if (goal === follower.goal) return
    if (follower.goal !== follower.encoding) follower.goal?.wait(-1)
    follower.goal = goal
    if (goal === follower.encoding) return
    // Who has nothing to lose changes at once.
    if (goal === null || follower.encoding === null || this.#idle(follower)) this.#move(follower, goal, nowMs)
    else goal.wait(1)
    goal?.wantKeyframe()
  }

  /** Whether nothing goes on that a change would break off. */
  #idle({ subscription }: Follower): boolean {
    return this.kind !== 'video' || subscription.awaitsKeyframe
  }

  #move(follower: Follower, to: Encoding | null, nowMs: number): void {
    const { subscription, encoding: from } = follower
    from?.leave(subscription, nowMs)
    follower.encoding = to
    to?.join(subscription, from?.reports.senderReport ?? null)
    this.#aimLayers(follower)
  }

  keyframe(encoding: Encoding, nowMs: number): void {
    for (const follower of this.#followers.values()) {
      const { goal, encoding: from } = follower
      if (goal === null || from === encoding) continue
      if (goal === encoding) {
        goal.wait(-1)
        this.#move(follower, encoding, nowMs)
      } else if (this.#idle(follower) && this.#order.isBelow(encoding, goal)) {
        // A smaller picture is better than none until the goal sends a keyframe.
        if (goal === from) goal.wait(1)
        this.#move(follower, encoding, nowMs)
      }
    }
  }

  /** `subscription` cannot go on without a keyframe of what it gets. */
  requestKeyframe(subscription: Subscription, nowMs: number): void {
    this.#followers.get(subscription)?.encoding?.requestKeyframe(nowMs)
  }

  /** @param id `Encoding.id` */
  sourceOf(id: number): Encoding | undefined {
    return this.encodings.find((encoding) => encoding.id === id)
  }

  /** The spatial layers, ascending; none before the first packet. Rates are not older than `MEASURE_MS`. */
  layers(nowMs: number): readonly Layer[] {
    if (this.#compare(nowMs)) this.#wake(nowMs)
    return this.#order.layers
  }

  /** The same as they were when somebody looked last, with those that do not send now. */
  get choices(): readonly Layer[] {
    return this.#order.choices
  }

  /** Measures the encodings, and lets everyone follow what came of it. */
  #compare(nowMs: number): boolean {
    if (!this.#order.update(this.encodings, nowMs)) return false
    // An encoding that is known may never send: who waits for it has to learn of the only one that does.
    if (this.encodings.length === 1 && this.#order.layers.length === 1) return false
    for (const follower of this.#followers.values()) this.#steer(follower, nowMs)
    return true
  }

  // ---- RTP comes, or does not

  heard(nowMs: number): void {
    if (!this.#activity.heard(nowMs)) return
    this.#context.wake(nowMs + SILENCE_MS)
    if (this.encodings.length > 1) this.#compareSoon(nowMs)
  }

  began(nowMs: number): void {
    this.#compare(nowMs)
    if (this.encodings.length === 1) return
    this.#compareSoon(nowMs)
  }

  #compareSoon(nowMs: number): void {
    this.#compareMs = alignedMs(nowMs, MEASURE_MS)
    this.#context.wake(this.#compareMs)
  }

  /** Sends what is due. @returns when to call again, at the latest */
  expire(nowMs: number): number {
    let next = this.#activity.expire(nowMs)
    if (nowMs >= this.#compareMs) {
      this.#compare(nowMs)
      this.#compareMs = this.receiving ? alignedMs(nowMs, MEASURE_MS) : Number.POSITIVE_INFINITY
    }
    next = Math.min(next, this.#compareMs)
    for (const encoding of this.encodings) next = Math.min(next, encoding.expire(nowMs))
    return next
  }

  // ---- what is going on

  /** What is known about the m-line now. */
  info(nowMs: number): InboundInfo {
    const { stream } = this
    this.layers(nowMs)
    const best = this.#order.best ?? this.encodings[0]
    const encodings = this.encodings.map((encoding) => encoding.info(nowMs))
    return {
      mid: stream.mid,
      kind: stream.kind,
      index: stream.index,
      payloadTypes: stream.payloadTypes,
      extensions: stream.extensions,
      clockRate: stream.clockRate,
      nack: stream.nack,
      ...(best !== undefined && best.ssrc >= 0 && { ssrc: best.ssrc }),
      rid: best?.rid ?? '',
      receiving: this.receiving,
      ...(this.gate && { audible: this.gate.speaker.audible }),
      subscriptions: this.#subscriptions.length,
      encodings,
      figures: summed(encodings.map(({ figures }) => figures)),
    }
  }
}
