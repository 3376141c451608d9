/** A Janus session on a WebSocket of its own (https://janus.conf.meetecho.com/docs/rest.html): standard requests only. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

export interface JanusReply {
  readonly janus: string
  readonly transaction?: string
  readonly sender?: number
  readonly reason?: string
  readonly data?: { readonly id: number }
  readonly error?: { readonly code: number; readonly reason: string }
  readonly plugindata?: { readonly data: Readonly<Record<string, unknown>> }
  readonly jsep?: { readonly type: 'offer' | 'answer'; readonly sdp: string }
}

const REPLY_WITHIN_MS = 30_000
/** Half of the shortest session timeout that is common (60 s), and some more. */
const KEEPALIVE_EVERY_MS = 25_000
const MESSAGE_BYTES_MAX = 4 << 20

interface Waiting {
  readonly resolve: (reply: JanusReply) => void
  readonly reject: (why: Error) => void
  readonly timer: NodeJS.Timeout
  /** A `message` is acknowledged before it is answered. */
  readonly skipAck: boolean
}

export class JanusClient {
  /** The address that this machine has on the connection. */
  readonly localIp: string
  /** Called once, with the reason, when the socket closes and nobody asked for it. */
  onLost: ((why: string) => void) | undefined
  readonly #socket: WebSocket
  readonly #secrets: { apisecret?: string }
  readonly #waiting = new Map<string, Waiting>()
  readonly #handles = new Map<number, (message: JanusReply) => void>()
  readonly #keepalive: NodeJS.Timeout
  #sessionId = 0
  #transactions = 0
  #closing = false
  #why = 'the WebSocket was closed by the server'

  private constructor(socket: WebSocket, localIp: string, apiSecret: string | undefined) {
    this.#socket = socket
    this.localIp = localIp
    this.#secrets = apiSecret === undefined ? {} : { apisecret: apiSecret }
    socket.on('message', (text) => this.#received(String(text)))
    // What has gone wrong is told by the close that follows.
    socket.on('error', () => {})
    socket.on('close', () => this.#closed())
    this.#keepalive = setInterval(() => void this.request('keepalive', {}).catch(() => {}), KEEPALIVE_EVERY_MS)
  }

  /**
   * Connects and creates a session.
   * @param signal gives up connecting
   * @throws Error when the server is not there or refuses
   */
  static async open(url: string, apiSecret?: string, signal?: AbortSignal): Promise<JanusClient> {
    const options = { maxPayload: MESSAGE_BYTES_MAX, handshakeTimeout: REPLY_WITHIN_MS, perMessageDeflate: false }
    const socket = new WebSocket(url, 'janus-protocol', options)
    let localIp = ''
    socket.once('upgrade', ({ socket: { localAddress } }: { socket: Socket }) => (localIp = localAddress ?? ''))
    try {
      await once(socket, 'open', { signal })
    } catch (error) {
      // To end it before it was open is an error of its own.
      socket.on('error', () => {})
      socket.terminate()
      throw error
    }
    const client = new JanusClient(socket, localIp, apiSecret)
    try {
      const { data } = await client.request('create', {})
      client.#sessionId = data!.id
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** @returns a handle of that plugin; `pushed` gets what the server says on it without being asked */
  async attach(plugin: string, pushed: (message: JanusReply) => void): Promise<JanusClientHandle> {
    const { data } = await this.request('attach', { plugin })
    this.#handles.set(data!.id, pushed)
    return new JanusClientHandle(this, data!.id)
  }

  /** @returns the reply, of a `message` the one after the acknowledgement @throws Error for one that is an error */
  request(janus: string, fields: object): Promise<JanusReply> {
    const transaction = String(this.#transactions++)
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) return reject(new Error('the connection is closed'))
      const timer = setTimeout(() => {
        this.#waiting.delete(transaction)
        reject(new Error(`no reply to ${janus} within ${REPLY_WITHIN_MS / 1_000} s`))
      }, REPLY_WITHIN_MS)
      this.#waiting.set(transaction, { resolve, reject, timer, skipAck: janus === 'message' })
      const session = this.#sessionId === 0 ? {} : { session_id: this.#sessionId }
      this.#socket.send(JSON.stringify({ janus, transaction, ...session, ...this.#secrets, ...fields }))
    })
  }

  /** Ends the session and closes the socket. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    clearInterval(this.#keepalive)
    if (this.#socket.readyState !== WebSocket.OPEN) return this.#socket.terminate()
    const closed = once(this.#socket, 'close')
    // The server need not answer for the socket to close.
    if (this.#sessionId !== 0) void this.request('destroy', {}).catch(() => {})
    this.#socket.close()
    await closed
  }

  #received(text: string): void {
    const message = parse(text)
    if (message !== undefined) return this.#message(message)
    this.#why = 'the server sent what is no message of the Janus API'
    this.#socket.terminate()
  }

  #message(message: JanusReply): void {
    const { transaction, sender } = message
    const waiting = transaction === undefined ? undefined : this.#waiting.get(transaction)
    if (waiting === undefined) {
      if (sender !== undefined) this.#handles.get(sender)?.(message)
      return
    }
    if (message.janus === 'ack' && waiting.skipAck) return
    this.#waiting.delete(transaction!)
    clearTimeout(waiting.timer)
    if (message.error) waiting.reject(new Error(`${message.error.reason} (${message.error.code})`))
    else waiting.resolve(message)
  }

  #closed(): void {
    clearInterval(this.#keepalive)
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new Error(this.#closing ? 'the connection was closed' : this.#why))
    }
    this.#waiting.clear()
    if (!this.#closing) this.onLost?.(this.#why)
  }
}

/** @returns undefined for what is not a JSON object */
function parse(text: string): JanusReply | undefined {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null ? (message as JanusReply) : undefined
  } catch {
    return undefined
  }
}

export class JanusClientHandle {
  readonly id: number
  readonly #client: JanusClient

  constructor(client: JanusClient, id: number) {
    this.#client = client
    this.id = id
  }

  message(body: object, jsep?: { type: 'offer' | 'answer'; sdp: string }): Promise<JanusReply> {
    return this.#client.request('message', { handle_id: this.id, body, ...(jsep && { jsep }) })
  }
}
