/** A Janus client on a WebSocket that hides nothing: every message that came, in order. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'

export type Message = Readonly<Record<string, unknown>> & {
  readonly janus: string
  readonly transaction?: string
  readonly session_id?: number
  readonly sender?: number
  readonly data?: { readonly id: number }
  readonly error?: { readonly code: number; readonly reason: string }
  readonly plugindata?: { readonly plugin: string; readonly data: Readonly<Record<string, unknown>> }
  readonly jsep?: { readonly type: 'offer' | 'answer'; readonly sdp: string }
}

const WITHIN_MS = 10_000

export class Wire {
  readonly socket: WebSocket
  /** As it came, one text per message. */
  readonly texts: string[] = []
  readonly received: Message[] = []
  #taken = 0
  #transactions = 0
  #wake = new Set<() => void>()

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      this.texts.push(String(data))
      this.received.push(JSON.parse(String(data)) as Message)
      for (const wake of this.#wake) wake()
    })
  }

  static async open(url: string, protocols: string | string[] = 'janus-protocol'): Promise<Wire> {
    const wire = new Wire(new WebSocket(url, protocols))
    await once(wire.socket, 'open')
    return wire
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The next message after those that were given before. */
  next(withinMs = WITHIN_MS): Promise<Message> {
    return this.seek(this.#taken, () => true, withinMs)
  }

  /** Sends, and gives the message that comes next: for connections on which nothing else happens. */
  ask(message: unknown): Promise<Message> {
    this.#taken = this.mark
    this.send(message)
    return this.next()
  }

  /** Where the next message will be: for `seek`. */
  get mark(): number {
    return this.received.length
  }

  /** The first message from `mark` on that passes, whether it has come already or not. */
  async seek(mark: number, test: (message: Message) => boolean, withinMs = WITHIN_MS): Promise<Message> {
    const deadlineMs = performance.now() + withinMs
    for (let at = mark; ; at++) {
      while (at >= this.received.length) await this.#more(deadlineMs, withinMs, mark)
      const message = this.received[at]!
      if (!test(message)) continue
      this.#taken = Math.max(this.#taken, at + 1)
      return message
    }
  }

  /** Sends a request with a transaction of its own, and gives the first message that has it. */
  request(janus: string, fields: object = {}, withinMs?: number): Promise<Message> {
    const transaction = this.transaction()
    const { mark } = this
    this.send({ janus, transaction, ...fields })
    return this.seek(mark, (message) => message.transaction === transaction, withinMs)
  }

  transaction(): string {
    return `w${this.#transactions++}`
  }

  /** Everything that was sent to this socket before has come when this resolves. */
  async ping(): Promise<void> {
    const reply = await this.request('ping')
    assert.equal(reply.janus, 'pong')
  }

  /** Resolves with the close code. */
  async closed(): Promise<number> {
    return (await once(this.socket, 'close'))[0]
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return
    this.socket.close()
    await once(this.socket, 'close')
  }

  /** @throws Error with what has come since `mark` when nothing more comes */
  #more(deadlineMs: number, withinMs: number, mark: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wake.delete(wake)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#wake.delete(wake)
        const since = JSON.stringify(this.received.slice(mark).slice(-4))
        reject(new Error(`no such message within ${withinMs} ms; since then: ${since.slice(0, 1000)}`))
      }, deadlineMs - performance.now())
      this.#wake.add(wake)
    })
  }
}

/** @returns the HTTP status that an upgrade is refused with; undefined when the socket is dropped without an answer */
export async function refusal(url: string, protocols: string[]): Promise<number | undefined> {
  const socket = new WebSocket(url, protocols)
  try {
    return await new Promise((resolve, reject) => {
      socket.once('open', () => reject(new Error(`accepted: ${protocols}`)))
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode))
      socket.once('error', () => resolve(undefined))
    })
  } finally {
    socket.on('error', () => {})
    socket.terminate()
  }
}
