/** What a row works with: connections, sessions, handles and peers on one server; all gone when the row ends. */
import assert from 'node:assert/strict'
import { MediaClients, type MediaPeer, readRemote } from '../../support/media-client.js'
import { type Message, Wire } from '../../support/wire.js'
import type { Dialect } from './plugin.js'
import type { Setting } from './row.js'
import { data, offerOf } from './sdp.js'
import type { Server, Target } from './target.js'

export type Jsep = { readonly type: string; readonly sdp: string } & Readonly<Record<string, unknown>>

export interface HttpRequest {
  readonly method?: string
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export interface HttpReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body parsed; undefined when it is empty. */
  readonly json: Message
}

export class Stage {
  readonly server: Server
  readonly plugin: Dialect
  readonly #clients: MediaClients
  readonly #target: Target
  readonly #wires: Wire[] = []
  readonly #others: Stage[] = []

  constructor(target: Target, server: Server) {
    this.server = server
    this.plugin = target.plugin
    this.#target = target
    this.#clients = new MediaClients(server.mediaAddress)
  }

  /** The same on a server with another setting. */
  async elsewhere(setting: Setting): Promise<Stage> {
    const other = new Stage(this.#target, await this.#target.server(setting))
    this.#others.push(other)
    return other
  }

  /** @param path what follows the server's URL */
  async connect(path = '', protocols?: string | string[]): Promise<Wire> {
    const wire = await Wire.open(`${this.server.url}${path}`, protocols)
    this.#wires.push(wire)
    return wire
  }

  /** A session, on a connection of its own unless one is given. */
  async session(wire?: Wire, fields: object = {}): Promise<Session> {
    const on = wire ?? (await this.connect())
    const created = await on.request('create', fields)
    assert.equal(created.janus, 'success', JSON.stringify(created))
    return new Session(this, on, created.data!.id)
  }

  async handle(): Promise<Handle> {
    return (await this.session()).attach()
  }

  /** A REST request. @param path below the base path, e.g. `/SID` */
  async http(path = '', { method = 'GET', body, headers = {}, signal }: HttpRequest = {}): Promise<HttpReply> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${this.server.httpUrl}${path}`, {
      method,
      headers,
      redirect: 'manual',
      ...(text !== undefined && { body: text }),
      ...(signal && { signal }),
    })
    const received = await response.text()
    const json = received === '' ? undefined : (JSON.parse(received) as unknown)
    return { status: response.status, headers: response.headers, text: received, json: json as Message }
  }

  post(path: string, body: unknown): Promise<HttpReply> {
    return this.http(path, { method: 'POST', body })
  }

  /** A request of an operator, with the secret unless `fields` has another. @param path below the base path */
  async admin(janus: string, fields: object = {}, path = ''): Promise<Message> {
    const { adminUrl, adminSecret } = this.server
    const body = JSON.stringify({ janus, transaction: 'admin', admin_secret: adminSecret, ...fields })
    const response = await fetch(`${adminUrl}${path}`, { method: 'POST', body })
    return (await response.json()) as Message
  }

  peer(): MediaPeer {
    return this.#clients.peer()
  }

  async end(): Promise<void> {
    await this.#clients.close()
    for (const wire of this.#wires) wire.socket.terminate()
    for (const other of this.#others) await other.end()
  }
}

export class Session {
  readonly stage: Stage
  readonly wire: Wire
  readonly id: number

  constructor(stage: Stage, wire: Wire, id: number) {
    this.stage = stage
    this.wire = wire
    this.id = id
  }

  request(janus: string, fields: object = {}): Promise<Message> {
    return this.wire.request(janus, { session_id: this.id, ...fields })
  }

  async attach(fields: object = {}): Promise<Handle> {
    const attached = await this.request('attach', { plugin: this.stage.plugin.name, ...fields })
    assert.equal(attached.janus, 'success', JSON.stringify(attached))
    return new Handle(this, attached.data!.id)
  }

  /** A request that the server refuses, exactly like this. */
  async refused(janus: string, fields: object, code: number, reason: string | RegExp): Promise<void> {
    isError(await this.request(janus, fields), code, reason, this.id)
  }
}

/** What came for one `message`: the ack, and the event with the plugin's reply. */
export interface Answered {
  readonly ack: Message
  readonly event: Message
}

export class Handle {
  readonly session: Session
  readonly id: number

  constructor(session: Session, id: number) {
    this.session = session
    this.id = id
  }

  get wire(): Wire {
    return this.session.wire
  }

  request(janus: string, fields: object = {}): Promise<Message> {
    return this.session.request(janus, { handle_id: this.id, ...fields })
  }

  refused(janus: string, fields: object, code: number, reason: string | RegExp): Promise<void> {
    return this.session.refused(janus, { handle_id: this.id, ...fields }, code, reason)
  }

  async message(body: object, jsep?: Jsep): Promise<Answered> {
    const { wire } = this
    const transaction = wire.transaction()
    const { mark } = wire
    const ids = { session_id: this.session.id, handle_id: this.id }
    wire.send({ janus: 'message', transaction, ...ids, body, ...(jsep && { jsep }) })
    const of = (janus: string) => (message: Message) =>
      message.transaction === transaction && (message.janus === janus || message.janus === 'error')
    const ack = await wire.seek(mark, of('ack'))
    const event = await wire.seek(mark, of('event'))
    assert.notEqual(event.janus, 'error', JSON.stringify(event))
    return { ack, event }
  }

  /** The next event of that kind from this handle, counted from `mark`. */
  event(mark: number, janus: string, withinMs?: number): Promise<Message> {
    return this.wire.seek(mark, (message) => message.janus === janus && message.sender === this.id, withinMs)
  }

  /** Messages of that kind from this handle so far. */
  events(janus: string): Message[] {
    return this.wire.received.filter((message) => message.janus === janus && message.sender === this.id)
  }

  /** Offers, and gives the answer. */
  async offer(sdp: string, more: object = {}): Promise<string> {
    const { event } = await this.message({}, { type: 'offer', sdp, ...more })
    assert.equal(event.jsep?.type, 'answer', JSON.stringify(event))
    return event.jsep!.sdp
  }

  /** A PeerConnection of this handle that is up: it offered these m-lines, by default data only. */
  async up(mlines: readonly (readonly string[])[] = [data], more: object = {}): Promise<MediaPeer> {
    const peer = this.session.stage.peer()
    const { mark } = this.wire
    const answer = await this.offer(offerOf(peer, mlines), more)
    await Promise.all([peer.connect(readRemote(answer)), this.event(mark, 'webrtcup', 10_000)])
    return peer
  }
}

/** Exactly an error with these fields and no others. @param reason the text, or what it looks like */
export function isError(message: Message, code: number, reason: string | RegExp, sessionId?: number): void {
  const { transaction, session_id, ...rest } = message
  const text = message.error?.reason ?? ''
  const matches = typeof reason === 'string' ? text === reason : reason.test(text)
  assert.ok(matches && message.error?.code === code, `${code} ${reason} expected: ${JSON.stringify(message)}`)
  assert.deepEqual(rest, { janus: 'error', error: { code, reason: text } })
  assert.equal(session_id, sessionId)
}

/** An error that names no transaction: the request could not be trusted to have one. */
export function isErrorWithout(message: Message, code: number, reason: string | RegExp, sessionId?: number): void {
  isError(message, code, reason, sessionId)
  assert.equal(message.transaction, undefined)
}
