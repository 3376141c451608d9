/** One handle: what it joined, what it subscribed to, and its PeerConnection. */
import type { CaptureOutcome, CaptureRequest, HandleInfo } from '../janus/handle-info.js'
import type { HandlePort, Jsep, NegotiationState, PluginHandle, PluginReply, PluginRequest } from '../janus/plugin.js'
import type { MediaKind, Preferences } from '../media/control.js'
import type { Abandonable } from './abandonment.js'
import type { Grant } from './auth.js'
import type { Refusal } from './errors.js'
import type { RoomNotice, SharedEvent } from './events.js'
import type { Suspect } from './ghosts.js'
import { handleInfo } from './handle-info.js'
import { Negotiation, type NegotiationHost } from './negotiation.js'
import { type Profile, profileOf } from './profile.js'
import type { Member, Room, Source } from './room.js'
import type { Services } from './services.js'

/** Answers a request; given to connections so that they need not know the messages. */
export type Dispatch = (connection: Connection, request: PluginRequest) => Promise<PluginReply>

interface Membership {
  readonly room: Room
  readonly userId: string
}

/** A change of what the connection wants to get; absent = as it is. */
export interface Wishes {
  notifications?: boolean
  data?: boolean
  /** A user id, or false for nobody. */
  media?: string | false
  preferences?: Preferences
}

export class Connection implements PluginHandle, Member, Suspect, Abandonable, NegotiationHost {
  readonly services: Services
  readonly profile: Profile
  readonly negotiator: Negotiation
  readonly #port: HandlePort
  readonly #dispatch: Dispatch
  readonly #onDetached: () => void
  #grant: Grant
  #joined: Membership | undefined
  #notifications = false
  #data = false
  #media: string | undefined
  /** It asked for media, and has published nothing since. */
  #subscribed = false
  #answering = false
  #gone = false

  /** @param onDetached called once, after everything is freed */
  constructor(services: Services, port: HandlePort, dispatch: Dispatch, onDetached: () => void) {
    this.services = services
    this.#port = port
    this.#dispatch = dispatch
    this.#onDetached = onDetached
    this.profile = profileOf(port.query, services.profile)
    this.#grant = services.auth.stranger
    this.negotiator = new Negotiation(services, this)
    services.ghosts.attached(this)
  }

  get sessionId(): number {
    return this.#port.sessionId
  }
  get address(): string {
    return this.#port.address
  }
  get isStranger(): boolean {
    return this.services.auth.wantsToken && !this.#joined
  }
  get handleId(): number {
    return this.#port.id
  }
  get joined(): Membership | undefined {
    return this.#joined
  }
  get roomId(): string | undefined {
    return this.#joined?.room.id
  }
  get notifications(): boolean {
    return this.#notifications
  }
  get data(): boolean {
    return this.#data
  }
  get media(): string | undefined {
    return this.#media
  }
  get source(): Source | undefined {
    return this.negotiator.source
  }
  get pureSubscriber(): boolean {
    return this.subscribes && !this.source
  }
  get hasIdentity(): boolean {
    return this.#grant.hasIdentity
  }
  get up(): boolean {
    return this.negotiator.up
  }
  /** Detached: whatever was still under way must not take effect. */
  get gone(): boolean {
    return this.#gone
  }
  /** It asked for media, or still has the PeerConnection that came of it. */
  get subscribes(): boolean {
    return this.#media !== undefined || this.negotiator.subscribes
  }

  get idle(): boolean {
    const asksForMore = this.#notifications || this.#data
    return this.#joined !== undefined && this.#subscribed && !asksForMore && !this.negotiator.endpoint
  }
  get needed(): boolean {
    if (!this.#joined) return false
    const { room, userId } = this.#joined
    const waits = this.#media !== undefined && room.users.has(this.#media)
    return waits || room.users.get(userId)?.connections.size === 1
  }

  mayHearOf(roomId: string): boolean {
    return this.#grant.mayHearOf(roomId)
  }

  lastActivityMs(): number {
    return this.#port.lastActivityMs()
  }

  expireSession(): void {
    this.#port.expireSession()
  }

  /** Tells event handlers. */
  notify(notice: RoomNotice): void {
    this.#port.notify(notice)
  }

  push(event: SharedEvent): void {
    this.#port.push(event)
  }

  // What the core asks.

  negotiation(): NegotiationState {
    return this.#answering ? 'pending' : this.negotiator.state
  }

  expectsAnswer(): boolean {
    return this.negotiator.takesAnswer
  }

  async message(request: PluginRequest): Promise<PluginReply> {
    this.#answering = request.jsep?.type === 'offer'
    this.services.abandonment.forget(this)
    try {
      return await this.#dispatch(this, request)
    } finally {
      this.#answering = false
      this.services.abandonment.used(this)
    }
  }

  /** Candidates of the client are not needed: an ICE-lite server learns its addresses from their checks. */
  trickle(): void {}

  hangup(reason: string): void {
    if (this.negotiator.endpoint) this.negotiator.hangup(reason)
    else {
      this.#media = undefined
      this.negotiator.ignore()
      this.services.abandonment.used(this)
    }
  }

  info(): Promise<HandleInfo> {
    return handleInfo(this)
  }

  async capture(capture: CaptureRequest | null): Promise<CaptureOutcome> {
    return (await this.negotiator.endpoint?.capture(capture)) ?? 'nothing'
  }

  detached(): void {
    if (this.#gone) return
    this.#gone = true
    this.services.ghosts.detached(this)
    this.services.abandonment.forget(this)
    this.services.presence.listen(this, false, false)
    this.#media = undefined
    this.negotiator.close()
    this.#leave()
    this.#onDetached()
  }

  // What messages do.

  /**
   * The connection becomes one of a user of a room. Nothing of the user's passes before blocks are in force.
   * @returns a promise that resolves when every worker obeys the blocks, with the users who were listed before and still are:
   *   of those who left meanwhile the client has been told already
   */
  join(roomId: string, userId: string, grant: Grant): Promise<string[]> {
    const { presence, enforcement } = this.services
    this.#grant = grant
    this.#replaceOlder(roomId, userId)
    const before = presence.room(roomId)
    const enforced = enforcement.apply(roomId, userId, before?.users.keys() ?? [])
    const listed = before?.listed(this.profile) ?? []
    const room = presence.join(this, roomId, userId)
    this.#joined = { room, userId }
    const [first, second, third] = room.users.get(userId)?.connections ?? []
    // The first of its user's connections is not the only one any more.
    if (second === this && !third) first?.released()
    this.services.quota.admit(this.negotiator)
    this.notify({ event: 'join', room_id: roomId, user_id: userId })
    this.#place()
    if (this.source) this.sourceChanged()
    return enforced.then(() => {
      const still = new Set(room.listed(this.profile, this))
      return listed.filter((user) => still.has(user))
    })
  }

  /** Last check before `want`: makes sure that there can be an endpoint. */
  reserve(media: string | false | undefined, room: Room | undefined): Refusal | undefined {
    if (typeof media !== 'string') return undefined
    return this.negotiator.reserve(room?.users.get(media)?.source)
  }

  /**
   * @param joins it joins with the same message
   * @returns the offer to reply with, when media was asked for and can be offered now
   */
  want(wishes: Wishes, joins = false): Jsep | undefined {
    const change = () => {
      this.#notifications = wishes.notifications ?? this.#notifications
      this.#data = wishes.data ?? this.#data
    }
    if (this.#joined) this.services.presence.change(this.#joined.room, this.#joined.userId, change)
    else change()
    this.services.presence.listen(this, this.#notifications, !this.#joined && !joins)
    if (wishes.data !== undefined) this.#place()
    if (wishes.preferences) this.negotiator.prefer(wishes.preferences)
    if (wishes.media === undefined) return undefined
    const again = this.#media === wishes.media
    this.#media = wishes.media === false ? undefined : wishes.media
    this.#subscribed ||= wishes.media !== false
    if (wishes.media === false) this.negotiator.ignore()
    return wishes.media === false ? undefined : this.negotiator.attend(this.#sourceOf(wishes.media), again)
  }

  expel(): void {
    if (this.#gone) return
    this.detached()
    this.#port.detach()
  }

  // What the PeerConnection tells.

  follow(source: Source | undefined): void {
    if (!this.#gone) this.negotiator.follow(source)
  }

  released(): void {
    this.services.abandonment.used(this)
  }

  offer(jsep: Jsep): void {
    this.#port.push({}, jsep)
  }

  connected(): void {
    this.#port.webrtcup()
  }

  silent(): void {
    if (this.#joined) this.services.ghosts.fellSilent(this)
  }

  receives(mid: string, kind: MediaKind, receiving: boolean, silentMs?: number): void {
    this.#port.media(mid, kind, receiving, silentMs)
  }

  slowlink(mid: string, kind: MediaKind, uplink: boolean, lost: number): void {
    this.#port.slowlink(mid, kind, uplink, lost)
  }

  opened(): void {
    this.#place()
    if (this.source) this.#subscribed = false
    if (this.#joined && this.source) this.#replaceOlder(this.#joined.room.id, this.#joined.userId)
  }

  dataChanged(): void {
    this.#place()
  }

  sourceChanged(): void {
    if (!this.#joined) return
    const { source } = this
    const { room, userId } = this.#joined
    const place = { room_id: room.id, user_id: userId }
    if (!source) this.notify({ event: 'unpublished', ...place })
    else this.notify({ event: 'published', ...place, audio: source.count('audio'), video: source.count('video') })
    room.sourceChanged(userId)
  }

  ended(reason: string, wasConnected: boolean): void {
    this.#media = undefined
    this.services.abandonment.used(this)
    this.#port.hangup(reason)
    if (reason === 'ICE failed' && wasConnected && this.#joined) this.services.ghosts.lostConsent(this)
  }

  #sourceOf(userId: string): Source | undefined {
    return this.#joined?.room.users.get(userId)?.source
  }

  /** Tells the worker where the endpoint belongs; publishers only are part of the data relay. */
  #place(): void {
    const { endpoint } = this.negotiator
    if (!endpoint || !this.#joined) return
    const { source } = this
    const { room, userId } = this.#joined
    const flags = { relaysData: source !== undefined, receivesData: this.#data && (source?.data ?? false) }
    endpoint.place({ room: room.id, user: userId, session: this.sessionId, ...flags })
  }

  #leave(): void {
    if (!this.#joined) return
    const { room, userId } = this.#joined
    const { presence, enforcement, blocks } = this.services
    this.notify({ event: 'leave', room_id: room.id, user_id: userId })
    this.#joined = undefined
    presence.leave(this, room, userId)
    if (!room.users.has(userId)) {
      enforcement.left(room.id, userId)
      room.userLeft(userId)
    }
    if (room.users.size === 0) enforcement.forget(room.id)
    blocks.release(userId)
  }

  /** A token vouches for the user: a new publisher of theirs ends the older ones, and the clients around them. */
  #replaceOlder(roomId: string, userId: string): void {
    if (!this.source || !this.#grant.hasIdentity) return
    const { presence } = this.services
    const room = presence.room(roomId)
    const connections = room?.users.get(userId)?.connections ?? []
    const older = [...connections].filter((other) => other !== this && other.hasIdentity && other.source)
    if (!room || older.length === 0) return
    const sessions = new Set(older.map((other) => other.sessionId))
    sessions.delete(this.sessionId)
    presence.replace(room, userId, () => {
      for (const other of [...connections]) {
        if (other !== this && (older.includes(other) || sessions.has(other.sessionId))) other.expel()
      }
    })
  }
}
