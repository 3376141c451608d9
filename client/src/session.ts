import { RoomError, toRoomError } from './errors.js'
import { Handle } from './handle.js'
import type { JanusMessage } from './protocol.js'
import { JanusSocket } from './socket.js'

/** The server forgets a session after 60 s of silence by default; Janus clients speak up every 25. */
const KEEPALIVE_MS = 25_000
/** A probe is answered at once by a server that is there. */
const PROBE_TIMEOUT_MS = 5_000
/** Given up earlier than other requests: the session is probably gone already. */
const STALE_TIMEOUT_MS = 2_000

/** How a session can end without our doing. */
export type SessionEnd =
  /** The socket closed, the server timed the session out, or keepalives are not answered. */
  | { kind: 'lost'; error: RoomError }
  /** The server closed the socket with 1000: it does not want us back. */
  | { kind: 'goodbye' }

/** A Janus session on a socket of its own. */
export class Session {
  readonly #socket: JanusSocket
  readonly #id: number
  readonly #handles = new Map<number, Handle>()
  readonly #onEnd: (end: SessionEnd) => void
  readonly #keepalive: ReturnType<typeof setInterval>
  #over = false

  private constructor(socket: JanusSocket, id: number, onEnd: (end: SessionEnd) => void) {
    this.#socket = socket
    this.#id = id
    this.#onEnd = onEnd
    this.#keepalive = setInterval(() => this.probe(), KEEPALIVE_MS)
  }

  /**
   * Connects and creates a session.
   * @param options.staleId a session of ours whose socket was lost: destroyed first, so that we do not meet our own ghost
   * @param options.signal gives up while connecting; has no effect later
   * @throws RoomError `disconnected`, `timeout` or `janus`
   */
  static async create(
    url: string,
    options: { staleId?: number | undefined; signal: AbortSignal },
    onEnd: (end: SessionEnd) => void,
  ): Promise<Session> {
    let session: Session | undefined
    const listener = {
      event: (message: JanusMessage): void => {
        if (session) session.#event(message)
      },
      closed: (code: number, reason: string): void => {
        if (session) session.#socketClosed(code, reason)
      },
    }
    const socket = await JanusSocket.open(url, listener, options.signal)
    const giveUp = (): void => socket.close()
    options.signal.addEventListener('abort', giveUp)
    try {
      if (options.staleId !== undefined) {
        await socket.request({ janus: 'destroy', session_id: options.staleId }, STALE_TIMEOUT_MS).catch(() => undefined)
      }
      const { data } = await socket.request({ janus: 'create' })
      if (typeof data?.id !== 'number') throw new RoomError('janus', 'The server did not name the session.')
      session = new Session(socket, data.id, onEnd)
      return session
    } catch (error) {
      socket.close()
      throw error
    } finally {
      options.signal.removeEventListener('abort', giveUp)
    }
  }

  get id(): number {
    return this.#id
  }

  /** @throws RoomError */
  async attach(plugin: string): Promise<Handle> {
    const { data } = await this.request({ janus: 'attach', plugin })
    if (typeof data?.id !== 'number') throw new RoomError('janus', 'The server did not name the handle.')
    const handle = new Handle(this, data.id)
    this.#handles.set(handle.id, handle)
    return handle
  }

  /** Sends a request of this session; see `JanusSocket.request`. */
  request(body: { janus: string; [key: string]: unknown }, timeoutMs?: number): Promise<JanusMessage> {
    return this.#socket.request({ ...body, session_id: this.#id }, timeoutMs)
  }

  /** Asks whether the server is still there; if not, the session ends as lost. Also the keepalive. */
  probe(): void {
    this.request({ janus: 'keepalive' }, PROBE_TIMEOUT_MS).catch((thrown) => {
      this.#end({ kind: 'lost', error: toRoomError(thrown) })
    })
  }

  /** No more events for this handle. */
  forget(handle: Handle): void {
    this.#handles.delete(handle.id)
  }

  /** Destroys the session and closes the socket without waiting for anything, so that it also works on `pagehide`. */
  close(): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#keepalive)
    this.request({ janus: 'destroy' }).catch(() => undefined)
    this.#socket.close()
    this.#handles.clear()
  }

  #event(message: JanusMessage): void {
    if (message.session_id !== undefined && message.session_id !== this.#id) return
    if (message.janus === 'timeout') {
      this.#end({ kind: 'lost', error: new RoomError('disconnected', 'The server timed the session out.') })
    } else if (message.sender !== undefined) {
      this.#handles.get(message.sender)?.receive(message)
    }
  }

  #socketClosed(code: number, reason: string): void {
    const detail = reason === '' ? `code ${code}` : `code ${code}, ${reason}`
    const error = new RoomError('disconnected', `The connection to the server was lost (${detail}).`, code)
    this.#end(code === 1000 ? { kind: 'goodbye' } : { kind: 'lost', error })
  }

  #end(end: SessionEnd): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#keepalive)
    this.#socket.close()
    this.#onEnd(end)
  }
}
