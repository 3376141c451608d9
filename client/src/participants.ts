import type { MediaState } from './envelope.js'
import type { RoomError } from './errors.js'
import type { MutableParticipant, Participant } from './participant.js'
import { preferOf, type VideoPreference } from './preference.js'
import { RemoteTracks } from './remote-tracks.js'
import type { RoomConnection } from './room-connection.js'
import type { RoomEvents } from './room-events.js'
import type { RoomOptions } from './room-options.js'
import type { SubscriberListener } from './subscriber.js'

export interface ParticipantsHost {
  /** Our own user id, which is no participant's. */
  readonly user: string
  /** The connection that stands; undefined while there is none. */
  connection(): RoomConnection | undefined
  emit<K extends keyof RoomEvents>(type: K, detail: RoomEvents[K]): void
  /** A subscription to that user went wrong. */
  problem(error: RoomError, user: string): void
}

/** The others in the room: who they are, what arrives from them, and what of it is wanted. Outlives connections. */
export class Participants {
  readonly #host: ParticipantsHost
  readonly #subscribeTo: NonNullable<RoomOptions['subscribeTo']>
  readonly #blocked: Set<string>
  readonly #participants = new Map<string, MutableParticipant>()
  /** What arrives, by user. */
  readonly #tracks = new Map<string, RemoteTracks>()
  /** What `subscribe` and `unsubscribe` said; goes before `subscribeTo`. */
  readonly #wishes = new Map<string, boolean>()
  /** What `prefer` said, by user. */
  readonly #preferences = new Map<string, VideoPreference>()

  constructor(host: ParticipantsHost, { subscribeTo = 'everyone', blocked = [] }: RoomOptions) {
    this.#host = host
    this.#subscribeTo = subscribeTo
    this.#blocked = new Set(blocked)
  }

  /** By user id. While there is no connection: as last known. */
  get byUser(): ReadonlyMap<string, Participant> {
    return this.#participants
  }

  /** Users whom we block, whether they are here or not. */
  get blocked(): ReadonlySet<string> {
    return this.#blocked
  }

  /** These are in the room now, and nobody else. */
  sync(users: readonly string[]): void {
    const present = new Set(users)
    for (const user of [...this.#participants.keys()]) if (!present.has(user)) this.left(user)
    for (const user of present) this.joined(user)
  }

  joined(user: string): void {
    if (user === this.#host.user) return
    if (!this.#participants.has(user)) {
      const blocked = this.#blocked.has(user)
      const tracks = new RemoteTracks()
      const { stream, screen } = tracks
      const participant = { user, stream, screen, media: undefined, blocked, blockedBy: false }
      this.#tracks.set(user, tracks)
      this.#participants.set(user, participant)
      this.#host.emit('participant-joined', { user, participant })
    }
    if (this.#wants(user)) this.#receive(user)
  }

  left(user: string): void {
    this.#host.connection()?.unsubscribe(user)
    this.#tracks.delete(user)
    if (this.#participants.delete(user)) this.#host.emit('participant-left', { user })
  }

  /** As `Room.subscribe`. */
  subscribe(user: string): void {
    this.#wishes.set(user, true)
    if (this.#participants.has(user)) this.#receive(user)
  }

  /** As `Room.unsubscribe`. */
  unsubscribe(user: string): void {
    this.#wishes.set(user, false)
    this.#host.connection()?.unsubscribe(user)
    this.#tracks.get(user)?.clear()
  }

  /** As `Room.prefer`. */
  prefer(user: string, preference: VideoPreference): void {
    this.#preferences.set(user, preference)
    this.#tellPreference(user)
  }

  /** We block the user, or do not any more. */
  setBlocked(user: string, blocked: boolean): void {
    if (blocked) this.#blocked.add(user)
    else this.#blocked.delete(user)
    this.#update(user, { blocked })
  }

  /** The user blocks us, or does not any more. */
  setBlockedBy(user: string, blockedBy: boolean): void {
    this.#update(user, { blockedBy })
  }

  /** A user says what it sends. */
  setMedia(user: string, media: MediaState): void {
    if (!this.#update(user, { media })) return
    this.#tracks.get(user)?.nameScreen(media.screen)
    this.#tellPreference(user)
    this.#host.emit('media', { user, media })
  }

  #wants(user: string): boolean {
    const subscribeTo = this.#subscribeTo
    return this.#wishes.get(user) ?? (subscribeTo === 'everyone' || subscribeTo(user))
  }

  #receive(user: string): void {
    const tracks = this.#tracks.get(user)
    const connection = this.#host.connection()
    if (!tracks || connection?.subscriber(user)) return
    tracks.clear()
    const listener: SubscriberListener = {
      track: (track, streamId, mid) => {
        const stream = tracks.add(track, streamId, mid)
        if (stream === tracks.screen) this.#tellPreference(user)
        this.#host.emit('track', { user, stream, track })
      },
      lost: () => tracks.clear(),
      problem: (error) => this.#host.problem(error, user),
    }
    connection?.subscribe(user, listener, preferOf(this.#preferences.get(user) ?? {}))
  }

  /** A preference is about the camera, which it names by leaving out the m-lines of the screen. */
  #tellPreference(user: string): void {
    const preference = this.#preferences.get(user)
    if (!preference) return
    this.#host
      .connection()
      ?.subscriber(user)
      ?.prefer(preferOf(preference, this.#tracks.get(user)?.screenMids()))
  }

  #update(user: string, change: Partial<Participant>): boolean {
    const participant = this.#participants.get(user)
    if (participant) Object.assign(participant, change)
    return participant !== undefined
  }
}
