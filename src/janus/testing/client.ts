import type { Connection, Owner, ServerMessage } from '../connection.js'
import { createGateway, type Gateway, type GatewayOptions } from '../gateway.js'
import type { Log } from '../log.js'
import type { ServerFacts } from '../server-info.js'
import { FakeClock } from './fake-clock.js'
import { type FakeHandle, FakePlugin } from './fake-plugin.js'

export const facts: ServerFacts = {
  name: 'rostra',
  version: 100,
  versionString: '0.1.0',
  author: 'rostra',
  commitHash: 'none',
  compileTime: 'now',
  serverName: 'test',
  localIp: '127.0.0.1',
  ipv6: false,
  iceLite: true,
  iceTcp: true,
  workers: 1,
  dependencies: { node: process.versions.node },
  transports: {},
}

/** Keeps what was logged, as `level: message`. */
export class RecordingLog implements Log {
  readonly lines: string[] = []
  debug(_: object, message: string): void {
    this.lines.push(`debug: ${message}`)
  }
  info(_: object, message: string): void {
    this.lines.push(`info: ${message}`)
  }
  warn(_: object, message: string): void {
    this.lines.push(`warn: ${message}`)
  }
  error(_: object, message: string): void {
    this.lines.push(`error: ${message}`)
  }
}

/** A client without a socket. */
export class FakeClient implements Connection, Owner {
  readonly transport = 'fake'
  readonly id = 'client'
  readonly owner = this
  readonly account = this
  address = '192.0.2.1'
  readonly query: URLSearchParams
  readonly waiting = { bytes: 0 }
  /** Replies and events, in the order in which they were sent. */
  readonly received: ServerMessage[] = []
  readonly #gateway: Gateway
  #transactions = 0

  constructor(gateway: Gateway, query = '') {
    this.#gateway = gateway
    this.query = new URLSearchParams(query)
  }

  reply(message: ServerMessage): void {
    this.received.push(message)
  }

  event(message: ServerMessage): void {
    this.received.push(message)
  }

  released(): void {}

  /** Sends a document as it is. @returns the reply */
  raw(message: unknown, bytes?: number): ServerMessage {
    return this.#gateway.handle(message, this, bytes)
  }

  /** Sends a request with a transaction of its own. @returns the reply */
  send(janus: string, fields: object = {}): ServerMessage {
    return this.raw({ janus, transaction: `t${this.#transactions++}`, ...fields })
  }

  create(fields: object = {}): number {
    return idOf(this.send('create', fields))
  }

  attach(sessionId: number, fields: object = {}): number {
    return idOf(this.send('attach', { session_id: sessionId, plugin: 'janus.plugin.fake', ...fields }))
  }

  /** Values of `janus` of everything received since the last call. */
  kinds(): string[] {
    return this.received.splice(0).map(({ janus }) => janus)
  }

  close(): void {
    this.#gateway.disconnected(this)
  }
}

export function idOf(reply: ServerMessage): number {
  return (reply.data as { id: number }).id
}

/** The `error` of a reply as `code reason`. */
export function errorOf(reply: ServerMessage): string {
  const { code, reason } = (reply.error ?? {}) as { code?: number; reason?: string }
  return `${code} ${reason}`
}

export interface World {
  readonly gateway: Gateway
  readonly plugin: FakePlugin
  readonly clock: FakeClock
  readonly log: RecordingLog
  readonly client: FakeClient
}

export function world(options: Partial<GatewayOptions> = {}): World {
  const plugin = new FakePlugin()
  const clock = new FakeClock()
  const log = new RecordingLog()
  const gateway = createGateway({ plugins: [plugin], facts, log, clock, ...options })
  return { gateway, plugin, clock, log, client: new FakeClient(gateway) }
}

export interface Attached extends World {
  /** Ids of a session and its one handle, as requests carry them. */
  readonly ids: { readonly session_id: number; readonly handle_id: number }
  readonly handle: FakeHandle
}

/** A world with a session and a handle, and nothing received yet. */
export function attached(options: Partial<GatewayOptions> = {}): Attached {
  const made = world(options)
  const sessionId = made.client.create()
  const ids = { session_id: sessionId, handle_id: made.client.attach(sessionId) }
  made.client.kinds()
  return { ...made, ids, handle: made.plugin.handles[0]! }
}

/** Lets promises that can settle do so. */
export const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

export const sdp =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n'
export const offer = { type: 'offer', sdp }
export const answer = { type: 'answer', sdp }
