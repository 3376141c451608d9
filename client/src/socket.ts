import { RoomError } from './errors.js'
import { type JanusMessage, readMessage } from './protocol.js'
import { Transactions } from './transactions.js'

/** How long a request may wait for its answer unless the caller says otherwise. */
export const REQUEST_TIMEOUT_MS = 10_000

/** What a `JanusSocket` reports on its own. */
export interface SocketListener {
  /** An event: anything that is not the reply to a request of ours. */
  event(message: JanusMessage): void
  /** The socket ended, once, also when we closed it; all its requests have been rejected. */
  closed(code: number, reason: string): void
}

/** A WebSocket with the subprotocol `janus-protocol`: requests with replies, and events. */
export class JanusSocket {
  readonly #socket: WebSocket
  readonly #listener: SocketListener
  readonly #transactions = new Transactions()
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  private constructor(socket: WebSocket, listener: SocketListener) {
    this.#socket = socket
    this.#listener = listener
    socket.addEventListener('message', ({ data }) => this.#received(data))
    socket.addEventListener('close', ({ code, reason }) => this.#ended(code, reason))
  }

  /**
   * Opens a socket.
   * @param url `ws:` or `wss:`
   * @throws RoomError `disconnected`, also when `signal` aborts
   */
  static open(url: string, listener: SocketListener, signal: AbortSignal): Promise<JanusSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'janus-protocol')
      const settled = new AbortController()
      const fail = (why: string): void => {
        settled.abort()
        clearTimeout(timer)
        socket.close()
        reject(new RoomError('disconnected', why))
      }
      const timer = setTimeout(() => fail('The server did not answer.'), REQUEST_TIMEOUT_MS)
      const once = { signal: settled.signal }
      socket.addEventListener('close', () => fail('The server cannot be reached.'), once)
      signal.addEventListener('abort', () => fail('Given up.'), once)
      socket.addEventListener(
        'open',
        () => {
          settled.abort()
          clearTimeout(timer)
          resolve(new JanusSocket(socket, listener))
        },
        once,
      )
      if (signal.aborted) fail('Given up.')
    })
  }

  /**
   * Sends a request and waits for its answer (for a `message`: past the ack).
   * @param body the request without `transaction`
   * @throws RoomError `janus`, `timeout` or `disconnected`
   */
  request(body: { janus: string; [key: string]: unknown }, timeoutMs = REQUEST_TIMEOUT_MS): Promise<JanusMessage> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new RoomError('disconnected', 'The connection to the server is closed.'))
      const deadlineMs = performance.now() + timeoutMs
      const transaction = this.#transactions.open(body.janus, deadlineMs, resolve, reject)
      this.#socket.send(JSON.stringify({ ...body, transaction }))
      this.#schedule()
    })
  }

  /** Closes with 1000. Pending requests are rejected at once; `closed` is called when the browser is done. */
  close(): void {
    this.#transactions.abandon(new RoomError('disconnected', 'The connection to the server was closed.'))
    this.#socket.close(1000)
  }

  #received(data: unknown): void {
    const message = typeof data === 'string' ? readMessage(data) : undefined
    if (message && !this.#transactions.settle(message)) this.#listener.event(message)
  }

  #ended(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#transactions.abandon(new RoomError('disconnected', 'The connection to the server was lost.'))
    this.#listener.closed(code, reason)
  }

  /** One timer, for the transaction that is due first. */
  #schedule(): void {
    clearTimeout(this.#timer)
    const deadlineMs = this.#transactions.deadlineMs()
    if (deadlineMs === Infinity) return
    this.#timer = setTimeout(
      () => {
        this.#transactions.expire(performance.now())
        this.#schedule()
      },
      Math.max(0, deadlineMs - performance.now()) + 1,
    )
  }
}
