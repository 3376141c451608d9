/** One of many: a socket with a session and a handle, which joins a room and then talks. */

import type { Latency } from '../../src/load/latency.js'
import type { Words } from './dialects.js'
import { FrameSocket } from './frames.js'

/** Before the time of sending, in µs of the clients' clock, in everything that is measured under load. */
const MARK = Buffer.from('~T')
const MARK_DIGITS = 16

export const nowMicroseconds = () => performance.now() * 1_000

/** What all clients count together. */
export interface Tally {
  readonly replies: Record<'create' | 'attach' | 'join', Latency>
  readonly delivery: Latency
  readonly reply: Latency
  deliveries: number
  pushes: number
  lastDeliveryMs: number
}

interface JanusMessage {
  janus: string
  transaction?: string
  data?: { id: number }
  error?: { reason: string }
  plugindata?: { data: { success?: boolean; error?: unknown; error_code?: number } }
}

export class LoadClient {
  readonly room: number
  /** Messages of others that came. */
  heard = 0
  readonly #tally: Tally
  readonly #words: Words
  readonly #socket: FrameSocket
  readonly #user: number
  #session = 0
  #handle = 0
  #sentAt = 0
  #waiting: 'create' | 'attach' | 'join' | 'nothing' = 'nothing'
  readonly #joined: () => void
  readonly #failed: (why: Error) => void

  /** @param joined called once, when the plugin answered `join` @param failed nothing can be measured any more */
  constructor(
    parts: { url: URL; words: Words; tally: Tally; room: number; user: number },
    joined: () => void,
    failed: (why: Error) => void,
  ) {
    const { url, words, tally, room, user } = parts
    this.room = room
    this.#user = user
    this.#words = words
    this.#tally = tally
    this.#joined = joined
    this.#failed = failed
    // 200 loopback addresses: a server may limit sockets by address.
    this.#socket = new FrameSocket(url, `127.0.0.${1 + (user % 200)}`, {
      open: () => this.#ask('create', {}),
      text: (bytes, start, end) => this.#text(bytes, start, end),
      closed: (why) => failed(new Error(`client ${user}: ${why}`)),
    })
  }

  /** Says something to the others in the room. @param filler ASCII without quotes */
  tell(filler: string): void {
    const mark = `~T${String(Math.round(nowMicroseconds())).padStart(MARK_DIGITS, '0')}`
    const body = JSON.stringify(this.#words.tell(`${mark}${filler}`))
    this.#socket.send(
      `{"janus":"message","session_id":${this.#session},"handle_id":${this.#handle},"transaction":"${mark}","body":${body}}`,
    )
  }

  end(): void {
    this.#socket.end()
  }

  #text(bytes: Buffer, start: number, end: number): void {
    const found = bytes.indexOf(MARK, start)
    if (found < 0 || found >= end) return this.#message(JSON.parse(bytes.toString('utf8', start, end)))
    let sentAt = 0
    for (let at = found + 2; at < found + 2 + MARK_DIGITS; at++) sentAt = sentAt * 10 + bytes[at]! - 48
    const micros = nowMicroseconds() - sentAt
    if (!bytes.toString('latin1', start, found).endsWith('"transaction":"')) {
      this.heard++
      this.#tally.deliveries++
      this.#tally.lastDeliveryMs = performance.now()
      this.#tally.delivery.record(micros)
    } else if (!bytes.toString('latin1', start, Math.min(end, start + 16)).includes('"ack"')) {
      this.#tally.reply.record(micros)
    }
  }

  #ask(request: 'create' | 'attach' | 'join', fields: object): void {
    this.#waiting = request
    this.#sentAt = nowMicroseconds()
    const janus = request === 'join' ? 'message' : request
    const ids = {
      ...(this.#session > 0 && { session_id: this.#session }),
      ...(this.#handle > 0 && { handle_id: this.#handle }),
    }
    this.#socket.send(JSON.stringify({ janus, transaction: request, ...ids, ...fields }))
  }

  #message(message: JanusMessage): void {
    const { janus, transaction, data, error, plugindata } = message
    if (transaction === undefined) {
      this.#tally.pushes++
      return
    }
    if (janus === 'ack') return
    const refused = error ?? plugindata?.data.error ?? plugindata?.data.error_code
    if (refused !== undefined || transaction !== this.#waiting) {
      return this.#failed(new Error(`client ${this.#user}: ${JSON.stringify(message)}`))
    }
    this.#tally.replies[transaction as 'create'].record(nowMicroseconds() - this.#sentAt)
    this.#waiting = 'nothing'
    if (transaction === 'create') {
      this.#session = data!.id
      this.#ask('attach', { plugin: this.#words.plugin })
    } else if (transaction === 'attach') {
      this.#handle = data!.id
      this.#ask('join', { body: this.#words.join(this.room, this.#user) })
    } else this.#joined()
  }
}
