import { MEDIA_STATE_TYPE, type MediaState, readEnvelope, readMediaState, writeEnvelope } from './envelope.js'
import { RoomError, toRoomError, worthRetrying } from './errors.js'
import { type Levels, readLevels, receives } from './levels.js'
import { type Ending, Lifecycle, type RoomState } from './lifecycle.js'
import { Outbox } from './outbox.js'
import type { MutableParticipant, Participant } from './participant.js'
import { preferOf, type VideoPreference } from './preference.js'
import type { Body, MessageKind, Notification } from './protocol.js'
import { type ChannelLabel, kindOf, type MediaKind, type PublishedTrack, type TrackSource } from './publisher.js'
import { RemoteTracks } from './remote-tracks.js'
import { RoomConnection } from './room-connection.js'
import type { RoomEvents } from './room-events.js'
import type { RoomOptions } from './room-options.js'
import type { SubscriberListener } from './subscriber.js'
import { TokenSource } from './token-source.js'
import { TypedEventTarget } from './typed-events.js'
import { watchPage } from './watch-page.js'

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
  readonly #lifecycle: Lifecycle
  readonly #participants = new Map<string, MutableParticipant>()
  /** What arrives, by user. */
  readonly #tracks = new Map<string, RemoteTracks>()
  readonly #published = new Map<TrackSource, PublishedTrack>()
  readonly #blocked: Set<string>
  readonly #outbox = new Outbox<string | ArrayBuffer>()
  /** What `subscribe` and `unsubscribe` said; goes before `subscribeTo`. */
  readonly #wishes = new Map<string, boolean>()
  /** What `prefer` said, by user. */
  readonly #preferences = new Map<string, VideoPreference>()
  #connection: RoomConnection | undefined
  #staleSessionId: number | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #why = ''
  #lastError: RoomError | undefined
  #unwatch: (() => void) | undefined

  constructor(options: RoomOptions) {
    super()
    this.room = options.room
    this.user = options.user
    this.#options = options
    this.#token = new TokenSource(options.token)
    this.#lifecycle = new Lifecycle(options.keepTrying ?? false)
    this.#blocked = new Set(options.blocked)
    for (const track of options.stream?.getTracks() ?? []) {
      if (!this.#published.has(kindOf(track))) this.#published.set(kindOf(track), { track, muted: false })
    }
  }

  get state(): RoomState {
    return this.#lifecycle.state
  }

  /** A sentence about the state. */
  get why(): string {
    return this.#why
  }

  /** The others in the room by user id. While reconnecting: as last known. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#participants
  }

  /** What we send: false for a kind that is muted or not published. */
  get media(): MediaState {
    const sends = (source: TrackSource): boolean => this.#published.get(source)?.muted === false
    const screen = sends('screen-video') ? this.#connection?.publisher?.screenId : undefined
    return { audio: sends('audio'), video: sends('video'), ...(screen !== undefined && { screen }) }
  }

  /**
   * Joins. May be called once.
   * @throws RoomError when the room fails, or is left, before it was joined
   */
  join(): Promise<void> {
    if (this.#unwatch) return Promise.reject(new RoomError('usage', 'A room can be joined once; make another Room.'))
    const { signal } = this.#options
    this.#unwatch = watchPage({
      hidden: () => this.#connection?.close(),
      shown: () => this.#ended('lost', new RoomError('disconnected', 'The page came back.'), 0),
      networkChanged: (online) => (this.#connection ? this.#connection.probe() : online && this.#connectNow()),
    })
    signal?.addEventListener('abort', () => this.leave(), { once: true })
    return new Promise((resolve, reject) => {
      const done = this.on('state', ({ state, why }) => {
        if (state === 'connecting' || state === 'reconnecting') return
        done()
        if (state === 'joined') resolve()
        else reject(this.#lastError ?? new RoomError('usage', why))
      })
      if (signal?.aborted) return this.leave()
      this.#announce('Connecting…')
      void this.#connect()
    })
  }

  /** Leaves at once; the others see it at once. Also ends a `join` that is under way. */
  leave(why = 'You left the room.'): void {
    if (this.#lifecycle.over) return
    this.#lifecycle.left()
    this.#finish(why)
  }

  /**
   * Sends a track from now on, in place of an earlier one of the same kind, and again after every reconnect.
   * @throws RoomError if the server does not take it
   */
  async publish(track: MediaStreamTrack): Promise<void> {
    this.#published.set(kindOf(track), { track, muted: false })
    this.#tellMedia()
    await this.#connection?.publisher?.publish(track)
  }

  /** Stops sending a kind. The track itself is not stopped. */
  async unpublish(kind: MediaKind): Promise<void> {
    if (!this.#published.delete(kind)) return
    this.#tellMedia()
    await this.#connection?.publisher?.unpublish(kind)
  }

  /**
   * Sends a screen beside the camera from now on, in place of an earlier one, and again after every reconnect: the others
   * have it in `Participant.screen`. Call `stopSharing` when the browser ends the track.
   * @param screen of `getDisplayMedia`: its first video track and, if there is one, its first audio track
   * @throws RoomError if the server does not take it
   */
  async shareScreen(screen: MediaStream): Promise<void> {
    const [video] = screen.getVideoTracks()
    const [audio] = screen.getAudioTracks()
    if (!video) throw new RoomError('usage', 'There is no picture of a screen.')
    this.#published.set('screen-video', { track: video, muted: false })
    if (audio) this.#published.set('screen-audio', { track: audio, muted: false })
    const hadSound = !audio && this.#published.delete('screen-audio')
    this.#tellMedia()
    const publisher = this.#connection?.publisher
    await Promise.all([
      publisher?.publish(video, 'screen-video'),
      audio ? publisher?.publish(audio, 'screen-audio') : hadSound && publisher?.unpublish('screen-audio'),
    ])
  }

  /** Stops sending the screen. Its tracks are not stopped. */
  async stopSharing(): Promise<void> {
    if (!this.#published.delete('screen-video')) return
    this.#published.delete('screen-audio')
    this.#tellMedia()
    const publisher = this.#connection?.publisher
    await Promise.all([publisher?.unpublish('screen-video'), publisher?.unpublish('screen-audio')])
  }

  /** Sends nothing for a kind until `unmute`; the others are told. Without negotiation. */
  mute(kind: MediaKind): Promise<void> {
    return this.#setMuted(kind, true)
  }

  unmute(kind: MediaKind): Promise<void> {
    return this.#setMuted(kind, false)
  }

  /** Receives a user's audio and video, whatever `subscribeTo` said, until `unsubscribe`. */
  subscribe(user: string): void {
    this.#wishes.set(user, true)
    if (this.#participants.has(user)) this.#subscribe(user)
  }

  unsubscribe(user: string): void {
    this.#wishes.set(user, false)
    this.#connection?.unsubscribe(user)
    this.#tracks.get(user)?.clear()
  }

  /**
   * Wants no more than this of a user's camera, from now on and after every reconnect; `{}` ends all limits. Takes effect
   * without negotiation: say how large the picture is shown, or pause it while nobody looks. A shared screen is not limited.
   */
  prefer(user: string, preference: VideoPreference): void {
    this.#preferences.set(user, preference)
    this.#tellPreference(user)
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
    this.#blocked.add(user)
    this.#update(user, { blocked: true })
  }

  /** @throws RoomError */
  async unblock(user: string): Promise<void> {
    await this.#ask('unblock', { whom: user })
    this.#blocked.delete(user)
    this.#update(user, { blocked: false })
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
    return readLevels(this.#connection, this.user, this.#participants.keys())
  }

  /** @returns whether media of that kind arrived from a user in the last seconds */
  receives(user: string, kind: MediaKind): boolean {
    return receives(this.#connection?.subscriber(user)?.receivers(kind) ?? [])
  }

  async #connect(): Promise<void> {
    if (this.#lifecycle.over || this.#connection) return
    const connection = this.#newConnection()
    this.#connection = connection
    try {
      await connection.open(this.#published)
      if (connection === this.#connection) this.#joined()
    } catch (error) {
      if (connection === this.#connection) this.#ended('lost', toRoomError(error))
    }
  }

  #newConnection(): RoomConnection {
    const { url, data = true, rtcConfiguration: configuration = {}, simulcast = false } = this.#options
    const { room, user } = this
    const [token, staleSessionId] = [this.#token, this.#staleSessionId]
    const settings = { url, room, user, token, data, simulcast, configuration, staleSessionId }
    const connection: RoomConnection = new RoomConnection(settings, {
      joined: (users) => this.#syncParticipants(users),
      notification: (notification) => this.#notified(notification),
      data: (channel, payload) => this.#received(channel, payload),
      channelOpen: (label) => label === 'reliable' && this.#drainOutbox(),
      ended: (end) => {
        if (connection !== this.#connection) return
        if (end.kind === 'lost') this.#ended('lost', end.error)
        else this.#ended('goodbye', new RoomError('disconnected', 'The server ended the connection.'))
      },
    })
    return connection
  }

  #joined(): void {
    this.#lifecycle.joined(performance.now())
    this.#lastError = undefined
    for (const user of this.#blocked) this.#ask('block', { whom: user }).catch((error) => this.#problem(error, user))
    this.#announce('You are in the room.')
    this.#tellMedia()
  }

  /** @param retryInMs overrides the backoff */
  #ended(ending: Ending, error: RoomError, retryInMs?: number): void {
    if (this.#lifecycle.over) return
    this.#staleSessionId = this.#connection?.sessionId ?? this.#staleSessionId
    this.#connection?.close()
    this.#connection = undefined
    this.#lastError = error
    const refused = ending === 'lost' && !worthRetrying(error)
    const backoffMs = this.#lifecycle.ended(refused ? 'refused' : ending, performance.now(), Math.random())
    if (backoffMs === undefined) return this.#finish(error.message)
    // Offline, the `online` event starts the next attempt; a slow retry stays, for servers on this very machine.
    const delayMs = navigator.onLine ? (retryInMs ?? backoffMs) : OFFLINE_RETRY_MS
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#connect(), delayMs)
    this.#announce(navigator.onLine ? error.message : 'You are offline.', delayMs)
  }

  #connectNow(): void {
    if (this.state !== 'reconnecting') return
    clearTimeout(this.#retry)
    void this.#connect()
  }

  #finish(why: string): void {
    clearTimeout(this.#retry)
    this.#connection?.close()
    this.#connection = undefined
    this.#unwatch?.()
    for (const user of [...this.#participants.keys()]) this.#participantLeft(user)
    this.#announce(why)
  }

  #announce(why: string, retryInMs?: number): void {
    this.#why = why
    this.emit('state', { state: this.state, why, retryInMs })
  }

  #syncParticipants(users: readonly string[]): void {
    const present = new Set(users)
    for (const user of [...this.#participants.keys()]) if (!present.has(user)) this.#participantLeft(user)
    for (const user of present) this.#participantJoined(user)
  }

  #participantJoined(user: string): void {
    if (user === this.user) return
    if (!this.#participants.has(user)) {
      const blocked = this.#blocked.has(user)
      const tracks = new RemoteTracks()
      const { stream, screen } = tracks
      const participant = { user, stream, screen, media: undefined, blocked, blockedBy: false }
      this.#tracks.set(user, tracks)
      this.#participants.set(user, participant)
      this.emit('participant-joined', { user, participant })
    }
    if (this.#wants(user)) this.#subscribe(user)
  }

  #participantLeft(user: string): void {
    this.#connection?.unsubscribe(user)
    this.#tracks.delete(user)
    if (this.#participants.delete(user)) this.emit('participant-left', { user })
  }

  #wants(user: string): boolean {
    const { subscribeTo = 'everyone' } = this.#options
    return this.#wishes.get(user) ?? (subscribeTo === 'everyone' || subscribeTo(user))
  }

  #subscribe(user: string): void {
    const tracks = this.#tracks.get(user)
    if (!tracks || this.#connection?.subscriber(user)) return
    tracks.clear()
    const listener: SubscriberListener = {
      track: (track, streamId, mid) => {
        const stream = tracks.add(track, streamId, mid)
        if (stream === tracks.screen) this.#tellPreference(user)
        this.emit('track', { user, stream, track })
      },
      lost: () => tracks.clear(),
      problem: (error) => this.#problem(error, user),
    }
    this.#connection?.subscribe(user, listener, preferOf(this.#preferences.get(user) ?? {}))
  }

  /** A preference is about the camera, which it names by leaving out the m-lines of the screen. */
  #tellPreference(user: string): void {
    const preference = this.#preferences.get(user)
    if (!preference) return
    this.#connection?.subscriber(user)?.prefer(preferOf(preference, this.#tracks.get(user)?.screenMids()))
  }

  #notified(notification: Notification): void {
    switch (notification.event) {
      case 'join':
        if (notification.room_id !== this.room || notification.user_id === this.user) return
        this.#participantJoined(notification.user_id)
        this.#tellMedia(notification.user_id)
        return
      case 'leave':
        if (notification.room_id === this.room) this.#participantLeft(notification.user_id)
        return
      case 'blocked':
      case 'unblocked':
        this.#update(notification.by, { blockedBy: notification.event === 'blocked' })
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
    if (!media || user === undefined || !this.#update(user, { media })) return
    this.#tracks.get(user)?.nameScreen(media.screen)
    this.#tellPreference(user)
    this.emit('media', { user, media })
  }

  #received(channel: string, payload: string | ArrayBuffer): void {
    const envelope = typeof payload === 'string' ? readEnvelope(payload) : undefined
    const { from, dataType, data } = envelope ?? {}
    this.emit('data', { channel, payload, from, dataType, data })
  }

  #update(user: string, change: Partial<Participant>): boolean {
    const participant = this.#participants.get(user)
    if (participant) Object.assign(participant, change)
    return participant !== undefined
  }

  async #setMuted(kind: MediaKind, muted: boolean): Promise<void> {
    const published = this.#published.get(kind)
    if (!published || published.muted === muted) return
    published.muted = muted
    this.#tellMedia()
    await this.#connection?.publisher?.replace(kind, muted ? null : published.track)
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
    return reliable && !this.#lifecycle.over && this.#outbox.put(payload)
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
    if (!this.#lifecycle.over) this.emit('error', { error, user })
  }
}

/** How often a server is tried while the browser says that it is offline. */
const OFFLINE_RETRY_MS = 30_000

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
