import { backoffMs } from './backoff.js'
import { RoomError, toRoomError, worthRetrying } from './errors.js'
import type { Handle } from './handle.js'
import { Peer } from './peer.js'
import { type Prefer, preferOf } from './preference.js'
import type { MediaKind } from './publisher.js'
import type { Session } from './session.js'
import type { TokenSource } from './token-source.js'

/** The plugin's package name. */
export const PLUGIN = 'janus.plugin.sfu'

export interface SubscriberSettings {
  room: string
  /** Our own user id. */
  user: string
  /** Asked for every attempt: a token may have expired since the last one. */
  token: TokenSource
  configuration: RTCConfiguration
}

export interface SubscriberListener {
  /**
   * A track of the remote user is there; also after the connection was made anew.
   * @param streamId of the user's own MediaStream, if the track is in one
   * @param mid of the m-line
   */
  track(track: MediaStreamTrack, streamId: string | undefined, mid: string | null): void
  /** The tracks given so far are dead; new ones follow. */
  lost(): void
  /** An attempt failed. The next one follows by itself, unless the subscriber is over. */
  problem(error: RoomError): void
}

/**
 * One remote user's audio and video: a handle and a PeerConnection of its own, made anew when it breaks. It gives up when the
 * server refuses the join in a way that does not pass by itself.
 */
export class Subscriber {
  readonly #session: Session
  readonly #settings: SubscriberSettings
  readonly #remoteUser: string
  readonly #listener: SubscriberListener
  #handle: Handle | undefined
  #peer: Peer | undefined
  #preference: Prefer
  /** The preference that the server knows of, as JSON. */
  #told: string | undefined
  /** A preference is on its way. What changes meanwhile waits: others make it change, as often as they like. */
  #telling = false
  #failures = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #closed = false

  /** Starts at once. */
  constructor(
    session: Session,
    settings: SubscriberSettings,
    remoteUser: string,
    listener: SubscriberListener,
    preference: Prefer = preferOf({}),
  ) {
    this.#preference = preference
    this.#session = session
    this.#settings = settings
    this.#remoteUser = remoteUser
    this.#listener = listener
    void this.#attempt()
  }

  /** It was closed, or has given up. */
  get over(): boolean {
    return this.#closed
  }

  /** @returns receivers of that kind */
  receivers(kind: MediaKind): RTCRtpReceiver[] {
    return this.#peer?.connection.getReceivers().filter(({ track }) => track.kind === kind) ?? []
  }

  /** Wants no more than this of the user's video from now on. */
  prefer(preference: Prefer): void {
    this.#preference = preference
    this.#tellPreference()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#release()
  }

  async #attempt(): Promise<void> {
    let handle: Handle | undefined
    try {
      const token = await this.#settings.token.get()
      if (this.#closed) return
      handle = await this.#session.attach(PLUGIN)
      if (this.#closed) return handle.detach()
      this.#handle = handle
      const peer = this.#makePeer(handle)
      const { room, user } = this.#settings
      const preference = this.#preference
      const join = {
        room_id: room,
        user_id: user,
        subscribe: { media: this.#remoteUser, prefer: preference },
        ...(token !== undefined && { token }),
      }
      const { jsep } = await handle.send('join', join)
      if (handle !== this.#handle) return
      this.#told = JSON.stringify(preference)
      this.#tellPreference()
      // Without an offer in the reply the user sends nothing yet; the offer is pushed when there is something.
      // What is wrong with an answer of ours may be right in the next one, whatever the server says of it.
      if (jsep?.type === 'offer') await peer.accept(jsep).catch((error) => peer.fail(toRoomError(error).message))
    } catch (error) {
      if (handle === undefined || handle === this.#handle) this.#failed(toRoomError(error))
    }
  }

  /** What changes before the join was answered is told afterwards. */
  #tellPreference(): void {
    const handle = this.#handle
    const prefer = this.#preference
    const text = JSON.stringify(prefer)
    if (!handle || this.#told === undefined || this.#telling || this.#told === text) return
    this.#told = text
    this.#telling = true
    handle
      .send('subscribe', { prefer })
      .catch((error) => {
        if (handle === this.#handle) this.#listener.problem(toRoomError(error))
      })
      .finally(() => {
        if (handle !== this.#handle) return
        this.#telling = false
        this.#tellPreference()
      })
  }

  #makePeer(handle: Handle): Peer {
    const peer = new Peer(handle, this.#settings.configuration, (error) => {
      if (handle === this.#handle) this.#failed(error)
    })
    this.#peer = peer
    peer.connection.addEventListener('track', ({ track, streams: [stream], transceiver }) =>
      this.#listener.track(track, stream?.id, transceiver.mid),
    )
    peer.connection.addEventListener('connectionstatechange', () => {
      if (peer.connection.connectionState === 'connected') this.#failures = 0
    })
    handle.listener.detached = () => {
      this.#failed(new RoomError('disconnected', 'The server ended the connection.'))
    }
    return peer
  }

  #failed(error: RoomError): void {
    if (this.#closed) return
    this.#release()
    this.#listener.lost()
    this.#listener.problem(error)
    if (!this.#isWorthRetrying(error)) this.close()
    if (this.#closed) return
    this.#failures++
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#attempt(), backoffMs(this.#failures, Math.random()))
  }

  #isWorthRetrying(error: RoomError): boolean {
    return worthRetrying(error) || (error.code === 'token_expired' && this.#settings.token.renews)
  }

  #release(): void {
    this.#peer?.close()
    this.#handle?.detach()
    this.#peer = undefined
    this.#handle = undefined
    this.#told = undefined
    this.#telling = false
  }
}
