import { RoomError, toRoomError, worthRetrying } from './errors.js'
import { type Ending, Lifecycle, type RoomState } from './lifecycle.js'
import type { PublishedTrack, TrackSource } from './publisher.js'
import type { RoomConnection, RoomConnectionListener } from './room-connection.js'
import { watchPage } from './watch-page.js'

export interface KeptConnectionHost {
  /** What each connection is opened with. */
  readonly published: ReadonlyMap<TrackSource, PublishedTrack>
  /**
   * Makes a connection, not open yet.
   * @param staleSessionId of the one before
   * @param ended is to be told how it ends
   */
  connect(staleSessionId: number | undefined, ended: RoomConnectionListener['ended']): RoomConnection
  /** The connection is open; before `changed`. */
  joined(): void
  /** There will be no connection any more; before `changed`. */
  over(): void
  /** The state, or the sentence about it, is another. @param retryInMs when the next attempt starts */
  changed(retryInMs: number | undefined): void
}

/** How often a server is tried while the browser says that it is offline. */
const OFFLINE_RETRY_MS = 30_000

/** The connection of a room, made anew when it breaks, for as long as that makes sense (`Lifecycle`). */
export class KeptConnection {
  readonly #host: KeptConnectionHost
  readonly #lifecycle: Lifecycle
  #connection: RoomConnection | undefined
  #staleSessionId: number | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #why = ''
  #lastError: RoomError | undefined
  #unwatch: (() => void) | undefined

  /** @param keepTrying as in `RoomOptions` */
  constructor(host: KeptConnectionHost, keepTrying: boolean) {
    this.#host = host
    this.#lifecycle = new Lifecycle(keepTrying)
  }

  /** The connection that stands, or is being opened. */
  get current(): RoomConnection | undefined {
    return this.#connection
  }

  get state(): RoomState {
    return this.#lifecycle.state
  }

  /** A sentence about the state. */
  get why(): string {
    return this.#why
  }

  get over(): boolean {
    return this.#lifecycle.over
  }

  /** What ended the last connection, or attempt; undefined while one stands. */
  get lastError(): RoomError | undefined {
    return this.#lastError
  }

  /** Makes the first connection. To be called once. */
  begin(): void {
    this.#unwatch = watchPage({
      hidden: () => this.#connection?.close(),
      shown: () => this.#ended('lost', new RoomError('disconnected', 'The page came back.'), 0),
      networkChanged: (online) => (this.#connection ? this.#connection.probe() : online && this.#connectNow()),
    })
    this.#announce('Connecting…')
    void this.#connect()
  }

  /** Ends it for good. Twice is harmless. */
  leave(why: string): void {
    if (this.#lifecycle.over) return
    this.#lifecycle.left()
    this.#finish(why)
  }

  async #connect(): Promise<void> {
    if (this.#lifecycle.over || this.#connection) return
    const connection: RoomConnection = this.#host.connect(this.#staleSessionId, (end) => {
      if (connection !== this.#connection) return
      if (end.kind === 'lost') this.#ended('lost', end.error)
      else this.#ended('goodbye', new RoomError('disconnected', 'The server ended the connection.'))
    })
    this.#connection = connection
    try {
      await connection.open(this.#host.published)
      if (connection === this.#connection) this.#joined()
    } catch (error) {
      if (connection === this.#connection) this.#ended('lost', toRoomError(error))
    }
  }

  #joined(): void {
    this.#lifecycle.joined(performance.now())
    this.#lastError = undefined
    this.#host.joined()
    this.#announce('You are in the room.')
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
    this.#host.over()
    this.#announce(why)
  }

  #announce(why: string, retryInMs?: number): void {
    this.#why = why
    this.#host.changed(retryInMs)
  }
}
