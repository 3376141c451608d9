/**
 * The Janus API over HTTP: requests by POST, events by long poll. Errors of the API are JSON in a 200, as in Janus;
 * other statuses say that the URL is wrong or that the transport cannot take more.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, systemClock } from '../clock.js'
import type { ServerMessage } from '../connection.js'
import { isFailure, janusErrors } from '../errors.js'
import { type EventSink, noEvents } from '../events/event-sink.js'
import { isJsonObject, isPositiveInteger, type JsonObject } from '../fields.js'
import type { Gateway } from '../gateway.js'
import { JsonDocuments } from '../json.js'
import type { Log } from '../log.js'
import { Refusals } from '../refusals.js'
import { type ClientAddress, clientAddresses, Tally } from './addresses.js'
import { BodyReader } from './body.js'
import { type ByteBudget, unlimited } from './byte-budget.js'
import { anyOrigin, type CorsOptions, originAllowed } from './cors.js'
import { EventQueue } from './event-queue.js'
import type { Route } from './http.js'
import { keptQuery } from './kept-query.js'
import { LongPolls } from './long-polls.js'
import { RequestPace } from './request-pace.js'
import { Exchange } from './rest-exchange.js'
import { type ApiPath, readPath, withIds } from './rest-path.js'

export interface RestOptions {
  readonly gateway: Gateway
  readonly log: Log
  /** Is told of every POST. Default: nobody. */
  readonly events?: EventSink
  readonly cors?: CorsOptions
  /** A poll without events is answered after this. Default 30,000. */
  readonly holdMs?: number
  readonly clock?: Clock
  readonly clientAddress?: ClientAddress
  readonly limits?: Partial<RestLimits>
  /** What waits to be sent to clients of all transports. Default: no limit but that of each. */
  readonly unsent?: ByteBudget
  readonly refusals?: Refusals
}

export interface RestLimits {
  /** Bytes of one body. */
  readonly messageBytes: number
  /**
   * Memory of all bodies that are being received; one address may have an eighth, or one body. Past it those that held most
   * are answered with 503.
   */
  readonly bodyBytes: number
  /** Requests a second of one connection, in the long run; 0 = any. Beyond it they wait. */
  readonly messagesPerSecond: number
  /** Bytes of events that wait to be fetched; past it the session ends. */
  readonly queuedBytes: number
  /** Held polls of a session; one more, and the oldest is answered. */
  readonly pollsPerSession: number
  /** Held polls of an address; one more is refused with 429. */
  readonly pollsPerAddress: number
}

const defaultLimits: RestLimits = {
  messageBytes: 1024 * 1024,
  bodyBytes: 64 * 1024 * 1024,
  messagesPerSecond: 0,
  queuedBytes: 8 * 1024 * 1024,
  pollsPerSession: 16,
  pollsPerAddress: 4096,
}

export interface Rest extends Route {
  /** The requests that wait for events. */
  readonly polls: LongPolls
  /** @returns memory of all bodies that are being received */
  receivedBytes(): number
  /** Holds for connections, sessions and polls that begin from now on. */
  setLimits(limits: Partial<RestLimits>): void
}

const BASE = '/janus'

export function createRest(options: RestOptions): Rest {
  return new JanusRest(options)
}

class JanusRest implements Rest {
  readonly base = BASE
  readonly polls: LongPolls
  readonly #gateway: Gateway
  readonly #log: Log
  readonly #events: EventSink
  readonly #cors: CorsOptions
  readonly #holdMs: number
  readonly #clock: Clock
  readonly #clientAddress: ClientAddress
  #limits: RestLimits
  readonly #refusals: Refusals
  readonly #unsent: ByteBudget
  readonly #bodies: BodyReader
  readonly #pace: RequestPace
  /** Bytes of messages that wait for a plugin, by address. */
  readonly #waitingOf = new Tally()

  constructor(options: RestOptions) {
    this.#gateway = options.gateway
    this.#log = options.log
    this.#events = options.events ?? noEvents
    this.#cors = options.cors ?? anyOrigin
    this.#holdMs = options.holdMs ?? 30_000
    this.#clock = options.clock ?? systemClock
    this.#clientAddress = options.clientAddress ?? clientAddresses([])
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#refusals = options.refusals ?? new Refusals()
    this.#bodies = this.#createBodies()
    this.#unsent = options.unsent ?? unlimited()
    this.polls = new LongPolls(this.#refusals, this.#unsent)
    this.#pace = new RequestPace(this.#clock)
  }

  #createBodies(): BodyReader {
    return new BodyReader(
      () => ({ bodyBytes: this.#limits.messageBytes, totalBytes: this.#limits.bodyBytes }),
      (bodies, bytes) => {
        this.#refusals.count('bodies', bodies)
        this.#log.debug({ bodies, bytes }, 'too much was received of bodies that are not whole: some are cut off')
      },
    )
  }

  receivedBytes(): number {
    return this.#bodies.heldBytes()
  }

  setLimits(limits: Partial<RestLimits>): void {
    this.#limits = { ...this.#limits, ...limits }
  }

  handle(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const exchange = new Exchange(request, response, url, this.#cors)
    this.#dispatch(exchange).catch((error) => {
      this.#log.error({ err: error }, 'a request made the REST transport throw: this is a bug')
      response.destroy()
    })
  }

  async #dispatch(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const { method = '' } = request
    if (!originAllowed(request.headers, this.#cors)) {
      this.#refusals.count('origin')
      return exchange.status(403)
    }
    if (method === 'OPTIONS') return exchange.status(200)
    const paced = this.#pace.admit(request.socket, this.#limits.messagesPerSecond)
    if (paced === 'refused') {
      this.#refusals.count('message_rate')
      return exchange.status(429)
    }
    if (paced) {
      this.#refusals.count('message_rate')
      await paced
    }
    if (method !== 'GET' && method !== 'POST') {
      return exchange.error('TRANSPORT_SPECIFIC', `Unsupported method ${method}`)
    }
    const path = readPath(exchange.url.pathname.slice(BASE.length))
    if (path.kind === 'info' || path.kind === 'ping') return this.#describe(exchange, path.kind)
    if (path.kind === 'none') return exchange.status(404)
    return method === 'POST' ? this.#post(exchange, path) : this.#get(exchange, path)
  }

  #describe(exchange: Exchange, kind: 'info' | 'ping'): void {
    if (exchange.request.method !== 'GET') return exchange.status(400)
    // Janus makes up a transaction of 11 characters here.
    const transaction = randomBytes(9).toString('base64url').slice(0, 11)
    if (kind === 'ping') return exchange.message({ janus: 'pong', transaction })
    return exchange.message({ janus: 'server_info', transaction, ...this.#gateway.info() })
  }

  async #post(exchange: Exchange, path: ApiPath): Promise<void> {
    const address = this.#clientAddress(exchange.request)
    const body = await this.#bodies.read(exchange.request, address)
    if (body === 'aborted') return
    if (body === 'too long') {
      this.#refusals.count('message_size')
      return exchange.status(413)
    }
    if (body === 'cut off') return exchange.status(503)
    if (body.length === 0) return exchange.status(400)
    const read = JsonDocuments.only(isUtf8(body) ? body.toString() : '')
    if (read.kind === 'malformed') {
      return exchange.error('INVALID_JSON', `JSON error: on line ${read.line}: ${read.problem}`)
    }
    if (!isJsonObject(read.value)) return exchange.error('INVALID_JSON_OBJECT', 'JSON error: not an object')
    const message = withIds(read.value, path)
    if (typeof message === 'string') {
      return exchange.error('INVALID_REQUEST_PATH', `Conflicting ${message} ID (payload and path)`)
    }
    this.#ask(exchange, address, message, body.length)
  }

  /** Gives a request to the gateway, which replies at once. */
  #ask(exchange: Exchange, address: string, message: JsonObject, bytes: number): void {
    const waitingOf = this.#waitingOf
    const own = keptQuery(exchange.url.searchParams)
    const queue = this.#queue(address, own)
    const { remoteAddress: ip, remotePort: port } = exchange.request.socket
    this.#events.transport(queue, { event: 'request', admin_api: false, ip, port })
    const owner = isPositiveInteger(message.session_id) ? this.#gateway.owner(message.session_id) : undefined
    this.#gateway.handle(
      message,
      {
        owner: queue,
        // A client whose URLs have no room for a query says it once, when it creates the session.
        query: own.size === 0 && owner instanceof EventQueue ? owner.query : own,
        waiting: {
          get bytes() {
            return waitingOf.of(address)
          },
          set bytes(bytes) {
            waitingOf.add(address, bytes - waitingOf.of(address))
          },
        },
        reply: (reply: ServerMessage) => exchange.message(reply),
      },
      bytes,
    )
  }

  /** Becomes the owner of the session if the request creates or claims one. */
  #queue(address: string, query: URLSearchParams): EventQueue {
    return new EventQueue({
      address,
      query,
      unsent: this.#unsent,
      clock: this.#clock,
      holdMs: this.#holdMs,
      bytesMax: this.#limits.queuedBytes,
      pollsMax: this.#limits.pollsPerSession,
      onAnsweredEarly: () => this.#refusals.count('polls_of_session'),
      onOverflow: (queue, own) => {
        if (own) {
          this.#refusals.count('slow_reader')
          this.#log.warn({ address }, 'a client does not fetch its events: its session ends')
        }
        this.#gateway.disconnected(queue)
      },
    })
  }

  #get(exchange: Exchange, path: ApiPath): void {
    const { sessionId, handleId } = path
    if (sessionId === undefined) return exchange.status(404)
    if (handleId !== undefined) return exchange.status(302, { location: `${BASE}/${sessionId}` })
    const query = exchange.url.searchParams
    const credentials = { apisecret: query.get('apisecret'), token: query.get('token') }
    const owner = this.#gateway.fetch(sessionId, credentials)
    if (isFailure(owner)) return exchange.status(owner.error.code === janusErrors.UNAUTHORIZED.code ? 403 : 404)
    // Owned by a WebSocket: there is nothing to fetch.
    if (!(owner instanceof EventQueue)) return exchange.status(404)
    this.polls.hold(exchange, owner, this.#clientAddress(exchange.request), this.#limits.pollsPerAddress)
  }
}
