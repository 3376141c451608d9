import { MEDIA_STATE_TYPE, type MediaState, readEnvelope, readMediaState, writeEnvelope } from './envelope.js'
import { RoomError, toRoomError } from './errors.js'
import { KeptConnection } from './kept-connection.js'
import { type Levels, readLevels, receives } from './levels.js'
import type { RoomState } from './lifecycle.js'
import { Outbox } from './outbox.js'
import { OwnTracks } from './own-tracks.js'
import type { Participant } from './participant.js'
import { Participants } from './participants.js'
import type { VideoPreference } from './preference.js'
import type { Body, MessageKind, Notification } from './protocol.js'
import type { ChannelLabel, MediaKind } from './publisher.js'
import { RoomConnection, type RoomConnectionListener } from './room-connection.js'
import type { RoomEvents } from './room-events.js'
import type { RoomOptions } from './room-options.js'
import { TokenSource } from './token-source.js'
import { TypedEventTarget } from './typed-events.js'

/**
 * A place in a room, kept through lost sockets, lost media connections and restarts of the server until `leave`.
 * Listen to its events before calling `join`, or use `joinRoom`.
 */
export class Room extends TypedEventTarget<RoomEvents> {
  readonly room: string
  /** Our own user id. */
  readonly user: string
  readonly #options: RoomOptions
  readonly #token: TokenSource
  readonly #kept: KeptConnection
  readonly #participants: Participants
  readonly #tracks: OwnTracks
  readonly #outbox = new Outbox<string | ArrayBuffer>()
  #begun = false

  constructor(options: RoomOptions) {
    super()
    this.room = options.room
    this.user = options.user
    this.#options = options
    this.#token = new TokenSource(options.token)
    this.#tracks = new OwnTracks(
      { publisher: () => this.#connection?.publisher, changed: () => this.#tellMedia() },
      options.stream?.getTracks() ?? [],
    )
    this.#participants = new Participants(
      {
        user: options.user,
        connection: () => this.#connection,
        emit: (type, detail) => this.emit(type, detail),
        problem: (error, user) => this.#problem(error, user),
      },
      options,
    )
    this.#kept = new KeptConnection(
      {
        published: this.#tracks.published,
        connect: (staleSessionId, ended) => this.#connect(staleSessionId, ended),
        joined: () => this.#joined(),
        over: () => this.#participants.sync([]),
        changed: (retryInMs) => this.emit('state', { state: this.state, why: this.why, retryInMs }),
      },
      options.keepTrying ?? false,
    )
  }

  get state(): RoomState {
    return this.#kept.state
  }

  /** A sentence about the state. */
  get why(): string {
    return this.#kept.why
  }

  /** The others in the room by user id. While reconnecting: as last known. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#participants.byUser
  }

  /** What we send: false for a kind that is muted or not published. */
  get media(): MediaState {
    return this.#tracks.state
  }

  /**
   * Joins. May be called once.
   * @throws RoomError when the room fails, or is left, before it was joined
   */
  join(): Promise<void> {
    if (this.#begun) return Promise.reject(new RoomError('usage', 'A room can be joined once; make another Room.'))
    this.#begun = true
    const { signal } = this.#options
    signal?.addEventListener('abort', () => this.leave(), { once: true })
    return new Promise((resolve, reject) => {
      const done = this.on('state', ({ state, why }) => {
        if (state === 'connecting' || state === 'reconnecting') return
        done()
        if (state === 'joined') resolve()
        else reject(this.#kept.lastError ?? new RoomError('usage', why))
      })
      if (signal?.aborted) return this.leave()
      this.#kept.begin()
    })
  }

  /** Leaves at once; the others see it at once. Also ends a `join` that is under way. */
  leave(why = 'You left the room.'): void {
    this.#kept.leave(why)
  }

  /**
   * Sends a track from now on, in place of an earlier one of the same kind, and again after every reconnect.
   * @throws RoomError if the server does not take it
   */
  publish(track: MediaStreamTrack): Promise<void> {
    return this.#tracks.publish(track)
  }

  /** Stops sending a kind. The track itself is not stopped. */
  unpublish(kind: MediaKind): Promise<void> {
    return this.#tracks.unpublish(kind)
  }

  /**
   * Sends a screen beside the camera from now on, in place of an earlier one, and again after every reconnect: the others
   * have it in `Participant.screen`. Call `stopSharing` when the browser ends the track.
   * @param screen of `getDisplayMedia`: its first video track and, if there is one, its first audio track
   * @throws RoomError if the server does not take it
   */
  shareScreen(screen: MediaStream): Promise<void> {
    return this.#tracks.shareScreen(screen)
  }

  /** Stops sending the screen. Its tracks are not stopped. */
  stopSharing(): Promise<void> {
    return this.#tracks.stopSharing()
  }

  /** Sends nothing for a kind until `unmute`; the others are told. Without negotiation. */
  mute(kind: MediaKind): Promise<void> {
    return this.#tracks.setMuted(kind, true)
  }

  unmute(kind: MediaKind): Promise<void> {
    return this.#tracks.setMuted(kind, false)
  }

  /** Receives a user's audio and video, whatever `subscribeTo` said, until `unsubscribe`. */
  subscribe(user: string): void {
    this.#participants.subscribe(user)
  }

  unsubscribe(user: string): void {
    this.#participants.unsubscribe(user)
  }

  /**
   * Wants no more than this of a user's camera, from now on and after every reconnect; `{}` ends all limits. Takes effect
   * without negotiation: say how large the picture is shown, or pause it while nobody looks. A shared screen is not limited.
   */
  prefer(user: string, preference: VideoPreference): void {
    this.#participants.prefer(user, preference)
  }

  /**
   * Sends text to everyone over a data channel. Reliable text waits (within bounds) for the channel to be open.
   * @param options.reliable default true: in order and repeated when lost
   * @param options.to only to this user: goes over signalling and arrives as `message`, not as `data`
   * @returns false if it was dropped: not sendable now and not reliable, or too much is waiting
   * @throws RoomError `usage` if it is larger than the server takes
   */
  send(text: string, options: { reliable?: boolean; to?: string } = {}): boolean {
    if (options.to === undefined) return this.#sendOnChannel(text, options.reliable ?? true)
    if (this.state !== 'joined') return false
    this.message(text, options.to).catch((error) => this.#problem(toRoomError(error), options.to))
    return true
  }

  /** Sends bytes to everyone over a data channel; see `send`. */
  sendBinary(bytes: ArrayBuffer, options: { reliable?: boolean } = {}): boolean {
    return this.#sendOnChannel(bytes, options.reliable ?? true)
  }

  /**
   * Sends an envelope that names us as the sender, in the form of networked-aframe's adapters; see `send`.
   * @param data anything that JSON can hold
   */
  broadcast(dataType: string, data: unknown, options: { reliable?: boolean } = {}): boolean {
    return this.send(writeEnvelope(this.user, dataType, data), options)
  }

  /**
   * Sends text over signalling, to everyone or to one user. Arrives as `message`, with our user id set by the server.
   * @throws RoomError
   */
  async message(body: string, to?: string): Promise<void> {
    await this.#ask('data', { body, ...(to !== undefined && { whom: to }) })
  }

  /**
   * Blocks a user in both directions, until `unblock`; the server remembers it by user id.
   * @throws RoomError
   */
  async block(user: string): Promise<void> {
    await this.#ask('block', { whom: user })
    this.#participants.setBlocked(user, true)
  }

  /** @throws RoomError */
  async unblock(user: string): Promise<void> {
    await this.#ask('unblock', { whom: user })
    this.#participants.setBlocked(user, false)
  }

  /**
   * Ends all connections of a user in this room.
   * @param token one that allows to kick
   * @throws RoomError
   */
  async kick(user: string, token: string): Promise<void> {
    await this.#ask('kick', { room_id: this.room, user_id: user, token })
  }

  /** @returns how loud everybody is right now, ourselves included; for speaking indicators, a few times a second */
  levels(): Promise<Levels> {
    return readLevels(this.#connection, this.user, this.participants.keys())
  }

  /** @returns whether media of that kind arrived from a user in the last seconds */
  receives(user: string, kind: MediaKind): boolean {
    return receives(this.#connection?.subscriber(user)?.receivers(kind) ?? [])
  }

  get #connection(): RoomConnection | undefined {
    return this.#kept.current
  }

  #connect(staleSessionId: number | undefined, ended: RoomConnectionListener['ended']): RoomConnection {
    const { url, data = true, rtcConfiguration: configuration = {}, simulcast = false } = this.#options
    const { room, user } = this
    const settings = { url, room, user, token: this.#token, data, simulcast, configuration, staleSessionId }
    return new RoomConnection(settings, {
      joined: (users) => this.#participants.sync(users),
      notification: (notification) => this.#notified(notification),
      data: (channel, payload) => this.#received(channel, payload),
      channelOpen: (label) => label === 'reliable' && this.#drainOutbox(),
      ended,
    })
  }

  /** What the server does not know any more is told again. */
  #joined(): void {
    for (const user of this.#participants.blocked) {
      this.#ask('block', { whom: user }).catch((error) => this.#problem(error, user))
    }
    this.#tellMedia()
  }

  #notified(notification: Notification): void {
    switch (notification.event) {
      case 'join':
        if (notification.room_id !== this.room || notification.user_id === this.user) return
        this.#participants.joined(notification.user_id)
        this.#tellMedia(notification.user_id)
        return
      case 'leave':
        if (notification.room_id === this.room) this.#participants.left(notification.user_id)
        return
      case 'blocked':
      case 'unblocked':
        this.#participants.setBlockedBy(notification.by, notification.event === 'blocked')
        this.emit(notification.event, { by: notification.by })
        return
      case 'data':
        this.#messaged(notification.from, notification.body)
    }
  }

  /** Media states are ours; every other message is the application's. */
  #messaged(from: string | undefined, body: string): void {
    const envelope = readEnvelope(body)
    if (envelope?.dataType !== MEDIA_STATE_TYPE) return this.emit('message', { from, body })
    const media = readMediaState(envelope.data)
    const user = from ?? envelope.from
    if (media && user !== undefined) this.#participants.setMedia(user, media)
  }

  #received(channel: string, payload: string | ArrayBuffer): void {
    const envelope = typeof payload === 'string' ? readEnvelope(payload) : undefined
    const { from, dataType, data } = envelope ?? {}
    this.emit('data', { channel, payload, from, dataType, data })
  }

  #tellMedia(to?: string): void {
    if (this.state !== 'joined') return
    const body = writeEnvelope(this.user, MEDIA_STATE_TYPE, this.media)
    this.message(body, to).catch((error) => this.#problem(toRoomError(error), to))
  }

  #sendOnChannel(payload: string | ArrayBuffer, reliable: boolean): boolean {
    const label: ChannelLabel = reliable ? 'reliable' : 'unreliable'
    const mayOvertake = !reliable || this.#outbox.size === 0
    if (mayOvertake && this.#connection?.publisher?.send(label, payload)) return true
    return reliable && !this.#kept.over && this.#outbox.put(payload)
  }

  #drainOutbox(): void {
    this.#outbox.drain((payload) => this.#connection?.publisher?.send('reliable', payload) ?? false)
  }

  async #ask<K extends MessageKind>(kind: K, body: Body<K>): Promise<void> {
    const handle = this.#connection?.handle
    if (!handle) throw new RoomError('usage', 'Not in the room at the moment.')
    await handle.send(kind, body)
  }

  #problem(error: RoomError, user: string | undefined): void {
    if (!this.#kept.over) this.emit('error', { error, user })
  }
}

/**
 * Joins a room.
 * @returns the room, joined; events of people who were there already have been sent, see `Room.participants`
 * @throws RoomError if the server refuses or cannot be reached
 */
export async function joinRoom(options: RoomOptions): Promise<Room> {
  const room = new Room(options)
  await room.join()
  return room
}
