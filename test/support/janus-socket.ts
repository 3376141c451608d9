/** A Janus client on a WebSocket, for Node: requests with replies, and everything that was pushed. */
import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'

export interface JanusMessage {
  janus: string
  transaction?: string
  session_id?: number
  sender?: number
  data?: { id: number }
  reason?: string
  mid?: string
  type?: string
  receiving?: boolean
  error?: { code: number; reason: string }
  plugindata?: {
    plugin: string
    data: Record<string, unknown> & {
      success?: boolean
      event?: string
      error?: { code: string; msg: string }
      response?: { users?: Record<string, string[]> }
    }
  }
  jsep?: { type: 'offer' | 'answer'; sdp: string }
}

export class JanusSocket {
  readonly socket: WebSocket
  /** Everything that came, in order. */
  readonly messages: JanusMessage[] = []
  sessionId = 0
  #next = 0
  #waiting = new Set<{ test(message: JanusMessage): boolean; resolve(message: JanusMessage): void }>()

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (text) => {
      const message = JSON.parse(String(text)) as JanusMessage
      this.messages.push(message)
      for (const waiter of [...this.#waiting]) {
        if (!waiter.test(message)) continue
        this.#waiting.delete(waiter)
        waiter.resolve(message)
      }
    })
  }

  /** @param options of the socket, such as the certificate to trust */
  static async open(url: string, options: ClientOptions = {}): Promise<JanusSocket> {
    const socket = new WebSocket(url, 'janus-protocol', options)
    await once(socket, 'open')
    return new JanusSocket(socket)
  }

  /** The next message (from now on) that passes; rejects after `withinMs`. */
  next(test: (message: JanusMessage) => boolean, withinMs = 5_000): Promise<JanusMessage> {
    return new Promise((resolve, reject) => {
      const passes = (message: JanusMessage) => {
        clearTimeout(timer)
        resolve(message)
      }
      const waiter = { test, resolve: passes }
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter)
        reject(new Error(`no such message within ${withinMs} ms; last: ${JSON.stringify(this.messages.slice(-3))}`))
      }, withinMs)
      this.#waiting.add(waiter)
    })
  }

  /** Sends a request and waits for its reply: for `message` the one after the ack. */
  request(janus: string, fields: object = {}): Promise<JanusMessage> {
    const transaction = String(this.#next++)
    const reply = this.next(
      (message) => message.transaction === transaction && !(janus === 'message' && message.janus === 'ack'),
    )
    const session = this.sessionId ? { session_id: this.sessionId } : {}
    this.socket.send(JSON.stringify({ janus, transaction, ...session, ...fields }))
    return reply
  }

  async create(): Promise<number> {
    const reply = await this.request('create')
    this.sessionId = reply.data!.id
    return this.sessionId
  }

  async attach(): Promise<JanusTestHandle> {
    const reply = await this.request('attach', { plugin: 'janus.plugin.sfu' })
    return new JanusTestHandle(this, reply.data!.id)
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return
    this.socket.close()
    await once(this.socket, 'close')
  }
}

export class JanusTestHandle {
  readonly id: number
  readonly janus: JanusSocket

  constructor(janus: JanusSocket, id: number) {
    this.janus = janus
    this.id = id
  }

  message(body: object, jsep?: object): Promise<JanusMessage> {
    return this.janus.request('message', { handle_id: this.id, body, ...(jsep && { jsep }) })
  }

  request(janus: string, fields: object = {}): Promise<JanusMessage> {
    return this.janus.request(janus, { handle_id: this.id, ...fields })
  }

  /** The next message of that kind from this handle. */
  next(janus: string, withinMs?: number): Promise<JanusMessage> {
    return this.janus.next((message) => message.janus === janus && message.sender === this.id, withinMs)
  }

  /** Pushed events so far, by name. */
  events(name: string): Record<string, unknown>[] {
    return this.janus.messages
      .filter((message) => message.sender === this.id && message.plugindata?.data.event === name)
      .map((message) => message.plugindata!.data)
  }
}
