/** The Janus API over WebSockets: who may connect, and who is connected. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Clock, systemClock } from '../clock.js'
import { type EventSink, noEvents } from '../events/event-sink.js'
import type { Log } from '../log.js'
import { type RefusalReason, Refusals } from '../refusals.js'
import { type ClientAddress, clientAddresses, Tally } from './addresses.js'
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
  readonly refusals?: Refusals
  readonly clock?: Clock
}

export interface WebSocketLimits {
  /** One more is refused with 503. */
  readonly connections: number
  /** Of one address; one more is refused with 429. */
  readonly connectionsPerAddress: number
  /** In the long run; 0 = any. Beyond it the socket is not read. */
  readonly messagesPerSecond: number
  /** Bytes of one message; a larger one closes its socket with 1009. */
  readonly messageBytes: number
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
  pauseAboveBytes: 1024 * 1024,
  cutAboveBytes: 8 * 1024 * 1024,
}

export interface WebSocketTransport {
  /** Takes over an upgrade request of the HTTP listener, on any path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Open sockets. */
  live(): number
  /** Holds for sockets that open from now on; where bytes wait, at once. */
  setLimits(limits: Partial<WebSocketLimits>): void
  /** Closes all sockets with 1012 (clients come back) and takes no new ones. Twice is harmless. */
  close(): Promise<void>
}

const JANUS_PROTOCOL = 'janus-protocol'
/** "Service Restart" (IANA). Never 1000: clients take that for a goodbye and do not reconnect. */
const CLOSE_SERVICE_RESTART = 1012

export function createWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { gateway, log, events = noEvents, cors = anyOrigin, clock = systemClock } = options
  const { heartbeatMs = 30_000, closeTimeoutMs = 2000, refusals = new Refusals() } = options
  const { subprotocol = JANUS_PROTOCOL, clientAddress = clientAddresses([]) } = options
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new Set<WebSocketConnection>()
  const byAddress = new Tally()
  const endOfTurn = new EndOfTurn()
  // As a variable: the types of ws do not know `closeTimeout` yet.
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    closeTimeout: closeTimeoutMs,
    handleProtocols: (offered: Set<string>) => offered.has(subprotocol) && subprotocol,
  }
  const server = new WebSocketServer(settings)
  server.on('headers', (headers) => headers.push(`Access-Control-Allow-Origin: ${cors.allowOrigin}`))
  const heartbeat = setInterval(() => {
    for (const connection of connections) connection.beat()
  }, heartbeatMs).unref()
  let closing: Promise<void> | undefined

  const refusal = (request: IncomingMessage, address: string): Refusal | undefined => {
    if (closing) return { status: 503 }
    if (!originAllowed(request.headers, cors)) return { status: 403, reason: 'origin' }
    if (!offers(request, subprotocol)) return { status: 400, reason: 'subprotocol' }
    if (connections.size >= limits.connections) return { status: 503, reason: 'sockets' }
    if (byAddress.of(address) >= limits.connectionsPerAddress) return { status: 429, reason: 'sockets_of_address' }
    return undefined
  }

  return {
    upgrade(request, socket, head) {
      const address = clientAddress(request)
      const refused = refusal(request, address)
      if (refused) {
        if (refused.reason) refusals.count(refused.reason)
        return refuseUpgrade(socket, refused.status)
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const query = queryOf(request)
        const shared = { gateway, log, endOfTurn, limits, refusals, clock }
        const connection = new WebSocketConnection({ webSocket, stream: socket, query, ...shared })
        connections.add(connection)
        byAddress.add(address, 1)
        const { remoteAddress: ip, remotePort: port } = request.socket
        events.transport(connection, { event: 'connected', admin_api: false, ip, port })
        webSocket.once('close', () => {
          connections.delete(connection)
          byAddress.add(address, -1)
          events.transport(connection, { event: 'disconnected', admin_api: false })
        })
      })
    },
    live: () => connections.size,
    setLimits(next) {
      Object.assign(limits, next)
      server.options.maxPayload = limits.messageBytes
    },
    close() {
      clearInterval(heartbeat)
      closing ??= Promise.all([...connections].map((each) => each.close(CLOSE_SERVICE_RESTART))).then(() => {})
      return closing
    },
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
