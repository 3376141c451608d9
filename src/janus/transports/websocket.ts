/** The Janus API over WebSockets: who may connect, and who is connected. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Clock, systemClock } from '../clock.js'
import { type EventSink, noEvents } from '../events/event-sink.js'
import type { Log } from '../log.js'
import { type RefusalReason, Refusals } from '../refusals.js'
import { type ClientAddress, clientAddresses, Tally } from './addresses.js'
import { ByteBudget, unlimited } from './byte-budget.js'
import { anyOrigin, type CorsOptions, originAllowed } from './cors.js'
import { EndOfTurn } from './end-of-turn.js'
import { refuseUpgrade } from './http.js'
import { keptQuery } from './kept-query.js'
import type { MessageApi } from './message-api.js'
import { WebSocketConnection } from './websocket-connection.js'

export interface WebSocketTransportOptions {
  readonly gateway: MessageApi
  /** Default: that of the Janus API. */
  readonly subprotocol?: string
  readonly log: Log
  /** Is told who comes and goes. Default: nobody. */
  readonly events?: EventSink
  readonly limits?: Partial<WebSocketLimits>
  /** Peers are pinged so often; one that gives no sign of life for a whole interval is cut off. Default 30,000. */
  readonly heartbeatMs?: number
  /** How long a socket that we close waits for the peer's close frame. Default 2,000. */
  readonly closeTimeoutMs?: number
  readonly cors?: CorsOptions
  readonly clientAddress?: ClientAddress
  /** What waits to be sent to clients of all transports. Default: no limit but that of each. */
  readonly unsent?: ByteBudget
  readonly refusals?: Refusals
  readonly clock?: Clock
}

export interface WebSocketLimits {
  /** One more is refused with 503. */
  readonly connections: number
  /** The same for one address; one more is refused with 429. */
  readonly connectionsPerAddress: number
  /** In the long run; 0 = any. Beyond it the socket is not read. */
  readonly messagesPerSecond: number
  /** Bytes of one message; a larger one closes its socket with 1009. */
  readonly messageBytes: number
  /**
   * From the first byte of a message to its last, without the time in which its socket is not read. A message that takes
   * longer closes its socket with 1008.
   */
  readonly messageTimeoutMs: number
  /**
   * Memory of all messages that are not whole, or wait to be worked off; one address may have an eighth, or two messages.
   * Past it those that held most for longest are cut off.
   */
  readonly receivedBytes: number
  /** Bytes that wait to be sent. Above this, no more requests are read from the socket until it drained. */
  readonly pauseAboveBytes: number
  /** Above this the socket is cut off, and its sessions end. */
  readonly cutAboveBytes: number
}

const defaultLimits: WebSocketLimits = {
  connections: 50_000,
  connectionsPerAddress: 4096,
  messagesPerSecond: 0,
  messageBytes: 1024 * 1024,
  messageTimeoutMs: 30_000,
  receivedBytes: 64 * 1024 * 1024,
  pauseAboveBytes: 1024 * 1024,
  cutAboveBytes: 8 * 1024 * 1024,
}

export interface WebSocketTransport {
  /** Takes over an upgrade request of the HTTP listener, on any path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Open sockets. */
  live(): number
  /** @returns memory of all messages that are not whole, or not worked off */
  receivedBytes(): number
  /** Holds for sockets that open from now on; where bytes wait, at once. */
  setLimits(limits: Partial<WebSocketLimits>): void
  /** Closes all sockets with 1012 (clients come back) and takes no new ones. Twice is harmless. */
  close(): Promise<void>
}

const JANUS_PROTOCOL = 'janus-protocol'
/** "Service Restart" (IANA). Never 1000: clients take that for a goodbye and do not reconnect. */
const CLOSE_SERVICE_RESTART = 1012

/** One address may have this part of what all may have. */
const SHARE_OF_ADDRESS = 1 / 8

/** Pieces of one message: any may have so many, and a long one as many as it has of these bytes. Past it: 1008. */
const FRAGMENTS = { free: 1024, bytes: 1024 }
const READS = { free: 4096, bytes: 256 }

/** @returns in the words of ws */
const messageLimits = (messageBytes: number) => ({
  maxPayload: messageBytes,
  maxFragments: Math.max(FRAGMENTS.free, Math.ceil(messageBytes / FRAGMENTS.bytes)),
  maxBufferedChunks: Math.max(READS.free, Math.ceil(messageBytes / READS.bytes)),
})

export function createWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  return new JanusSockets(options)
}

class JanusSockets implements WebSocketTransport {
  readonly #options: WebSocketTransportOptions
  readonly #limits: WebSocketLimits
  readonly #events: EventSink
  readonly #cors: CorsOptions
  readonly #subprotocol: string
  readonly #clientAddress: ClientAddress
  readonly #refusals: Refusals
  readonly #server: WebSocketServer
  readonly #connections = new Set<WebSocketConnection>()
  readonly #byAddress = new Tally()
  readonly #endOfTurn = new EndOfTurn()
  readonly #received: ByteBudget
  readonly #unsent: ByteBudget
  readonly #heartbeat: NodeJS.Timeout
  #closing: Promise<void> | undefined

  constructor(options: WebSocketTransportOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#events = options.events ?? noEvents
    this.#cors = options.cors ?? anyOrigin
    this.#subprotocol = options.subprotocol ?? JANUS_PROTOCOL
    this.#clientAddress = options.clientAddress ?? clientAddresses([])
    this.#refusals = options.refusals ?? new Refusals()
    this.#server = this.#createServer()
    this.#received = this.#createBudget()
    this.#unsent = options.unsent ?? unlimited()
    const { heartbeatMs = 30_000 } = options
    this.#heartbeat = setInterval(() => {
      for (const connection of this.#connections) connection.beat()
    }, heartbeatMs).unref()
  }

  #createServer(): WebSocketServer {
    // As a variable: the types of ws do not know `closeTimeout` yet.
    const settings = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      ...messageLimits(this.#limits.messageBytes),
      closeTimeout: this.#options.closeTimeoutMs ?? 2000,
      handleProtocols: (offered: Set<string>) => offered.has(this.#subprotocol) && this.#subprotocol,
    }
    const server = new WebSocketServer(settings)
    server.on('headers', (headers) => headers.push(`Access-Control-Allow-Origin: ${this.#cors.allowOrigin}`))
    return server
  }

  /** The budget of what has been received. */
  #createBudget(): ByteBudget {
    return new ByteBudget({
      limits: () => {
        const { receivedBytes, messageBytes } = this.#limits
        const addressBytes = Math.max(2 * messageBytes, receivedBytes * SHARE_OF_ADDRESS)
        return { totalBytes: Math.max(receivedBytes, addressBytes), addressBytes }
      },
      onCut: (sockets, bytes) => {
        this.#refusals.count('received_bytes', sockets)
        this.#options.log.debug({ sockets, bytes }, 'too much was received and is not whole: sockets cut off')
      },
    })
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = this.#clientAddress(request)
    const refused = this.#refusal(request, address)
    if (refused) {
      if (refused.reason) this.#refusals.count(refused.reason)
      return refuseUpgrade(socket, refused.status)
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(request, socket, webSocket, address))
  }

  #refusal(request: IncomingMessage, address: string): Refusal | undefined {
    const { connections, connectionsPerAddress } = this.#limits
    if (this.#closing) return { status: 503 }
    if (!originAllowed(request.headers, this.#cors)) return { status: 403, reason: 'origin' }
    if (!offers(request, this.#subprotocol)) return { status: 400, reason: 'subprotocol' }
    if (this.#connections.size >= connections) return { status: 503, reason: 'sockets' }
    if (this.#byAddress.of(address) >= connectionsPerAddress) return { status: 429, reason: 'sockets_of_address' }
    return undefined
  }

  #open(request: IncomingMessage, stream: Duplex, webSocket: WebSocket, address: string): void {
    const { gateway, log, clock = systemClock } = this.#options
    const connection = new WebSocketConnection({
      webSocket,
      stream,
      address,
      gateway,
      log,
      clock,
      query: queryOf(request),
      endOfTurn: this.#endOfTurn,
      received: this.#received,
      unsent: this.#unsent,
      limits: this.#limits,
      refusals: this.#refusals,
    })
    this.#connections.add(connection)
    this.#byAddress.add(address, 1)
    const { remoteAddress: ip, remotePort: port } = request.socket
    this.#events.transport(connection, { event: 'connected', admin_api: false, ip, port })
    webSocket.once('close', () => {
      this.#connections.delete(connection)
      this.#byAddress.add(address, -1)
      this.#events.transport(connection, { event: 'disconnected', admin_api: false })
    })
  }

  live(): number {
    return this.#connections.size
  }

  receivedBytes(): number {
    return this.#received.measure()
  }

  setLimits(next: Partial<WebSocketLimits>): void {
    Object.assign(this.#limits, next)
    Object.assign(this.#server.options, messageLimits(this.#limits.messageBytes))
  }

  close(): Promise<void> {
    clearInterval(this.#heartbeat)
    this.#closing ??= Promise.all([...this.#connections].map((each) => each.close(CLOSE_SERVICE_RESTART))).then(
      () => {},
    )
    return this.#closing
  }
}

interface Refusal {
  readonly status: Parameters<typeof refuseUpgrade>[1]
  readonly reason?: RefusalReason
}

function offers(request: IncomingMessage, subprotocol: string): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((name) => name.trim() === subprotocol)
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const target = request.url ?? ''
  const at = target.indexOf('?')
  return keptQuery(at < 0 ? '' : target.slice(at + 1))
}
