import { RoomError } from './errors.js'
import type { Handle } from './handle.js'
import type { Prefer } from './preference.js'
import { type Notification, readNotification } from './protocol.js'
import {
  type PublishedTrack,
  Publisher,
  type PublisherListener,
  type PublisherSettings,
  type TrackSource,
} from './publisher.js'
import { Session } from './session.js'
import { PLUGIN, Subscriber, type SubscriberListener } from './subscriber.js'
import type { TokenSource } from './token-source.js'

export interface RoomConnectionSettings extends PublisherSettings {
  url: string
  room: string
  user: string
  token: TokenSource
  /** A session of an earlier connection that the server may still hold. */
  staleSessionId: number | undefined
}

export interface RoomConnectionListener extends Pick<PublisherListener, 'data' | 'channelOpen'> {
  /** We are in: all users in the room, perhaps with ourselves. Notifications follow. */
  joined(users: readonly string[]): void
  notification(notification: Notification): void
  /** The connection is over, once, and not by our `close`. `goodbye`: the server does not want us back. */
  ended(end: { kind: 'lost'; error: RoomError } | { kind: 'goodbye' }): void
}

/** One life of a room: a socket, a session, the publisher and the subscribers. When it breaks, the room makes another. */
export class RoomConnection {
  readonly #settings: RoomConnectionSettings
  readonly #listener: RoomConnectionListener
  readonly #aborter = new AbortController()
  readonly #subscribers = new Map<string, Subscriber>()
  #session: Session | undefined
  #handle: Handle | undefined
  #publisher: Publisher | undefined
  #over = false

  constructor(settings: RoomConnectionSettings, listener: RoomConnectionListener) {
    this.#settings = settings
    this.#listener = listener
  }

  /**
   * Connects, joins, then offers: so the server knows the room before it sees media.
   * @param tracks read when it is time to offer
   * @throws RoomError; the connection is closed then
   */
  async open(tracks: ReadonlyMap<TrackSource, PublishedTrack>): Promise<void> {
    try {
      const { url, staleSessionId: staleId } = this.#settings
      const token = await this.#settings.token.get()
      if (this.#over) throw new RoomError('disconnected', 'The connection was given up.')
      this.#session = await Session.create(url, { staleId, signal: this.#aborter.signal }, (end) => this.#end(end))
      this.#handle = await this.#session.attach(PLUGIN)
      this.#listen(this.#handle)
      await this.#join(this.#handle, token)
      this.#publisher = this.#makePublisher(this.#handle)
      await this.#publisher.start(tracks)
      if (this.#over) throw new RoomError('disconnected', 'The connection was lost.')
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Undefined before the session stands. */
  get sessionId(): number | undefined {
    return this.#session?.id
  }

  /** Undefined before the join. */
  get publisher(): Publisher | undefined {
    return this.#publisher
  }

  /** The joined handle, for messages of the plugin; undefined before. */
  get handle(): Handle | undefined {
    return this.#handle
  }

  subscribe(user: string, listener: SubscriberListener, preference?: Prefer): void {
    if (this.#over || !this.#session || this.subscriber(user)) return
    this.#subscribers.set(user, new Subscriber(this.#session, this.#settings, user, listener, preference))
  }

  unsubscribe(user: string): void {
    this.#subscribers.get(user)?.close()
    this.#subscribers.delete(user)
  }

  /** Undefined when there is none, or when it has given up. */
  subscriber(user: string): Subscriber | undefined {
    const subscriber = this.#subscribers.get(user)
    return subscriber?.over ? undefined : subscriber
  }

  /** Checks that the server is still there; reports `ended` if not. */
  probe(): void {
    this.#session?.probe()
  }

  /** Leaves at once: the server is told, nothing is waited for. May be called at any time, also twice. */
  close(): void {
    this.#over = true
    this.#aborter.abort()
    for (const subscriber of this.#subscribers.values()) subscriber.close()
    this.#subscribers.clear()
    this.#publisher?.close()
    this.#session?.close()
  }

  #listen(handle: Handle): void {
    handle.listener = {
      notification: (data) => {
        const notification = readNotification(data)
        if (notification && !this.#over) this.#listener.notification(notification)
      },
      detached: () => this.#lost(new RoomError('removed', 'You were removed from the room.')),
    }
  }

  async #join(handle: Handle, token: string | undefined): Promise<void> {
    const { room, user, data } = this.#settings
    const subscribe = { notifications: true, data }
    const join = { room_id: room, user_id: user, subscribe, ...(token !== undefined && { token }) }
    const { response } = await handle.send('join', join)
    const users: unknown = response?.users?.[room]
    this.#listener.joined(Array.isArray(users) ? users.filter((entry) => typeof entry === 'string') : [])
  }

  #makePublisher(handle: Handle): Publisher {
    return new Publisher(handle, this.#settings, {
      failed: (error) => this.#lost(error),
      data: (channel, payload) => this.#listener.data(channel, payload),
      channelOpen: (label) => this.#listener.channelOpen(label),
    })
  }

  #lost(error: RoomError): void {
    this.#end({ kind: 'lost', error })
  }

  #end(end: { kind: 'lost'; error: RoomError } | { kind: 'goodbye' }): void {
    if (this.#over) return
    this.close()
    this.#listener.ended(end)
  }
}
