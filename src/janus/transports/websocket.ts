/** The Janus API over WebSockets: who may connect, and who is connected. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type EventSink, noEvents } from '../events/event-sink.js'
import type { Gateway } from '../gateway.js'
import type { Log } from '../log.js'
import { EndOfTurn } from './end-of-turn.js'
import { refuseUpgrade } from './http.js'
import { WebSocketConnection } from './websocket-connection.js'

export interface WebSocketTransportOptions {
  readonly gateway: Gateway
  readonly log: Log
  /** Is told who comes and goes. Default: nobody. */
  readonly events?: EventSink
  readonly limits?: Partial<WebSocketLimits>
  /** Peers are pinged so often; one that gives no sign of life for a whole interval is cut off. Default 30,000. */
  readonly heartbeatMs?: number
  /** How long a socket that we close waits for the peer's close frame. Default 2,000. */
  readonly closeTimeoutMs?: number
  /** `Access-Control-Allow-Origin` of the handshake. Default `*`. */
  readonly allowOrigin?: string
}

export interface WebSocketLimits {
  readonly connections: number
  /** Bytes of one message; a larger one closes its socket with 1009. */
  readonly messageBytes: number
  /** Bytes that wait to be sent. Above this, no more requests are read from the socket until it drained. */
  readonly pauseAboveBytes: number
  /** Above this the socket is cut off, and its sessions end. */
  readonly cutAboveBytes: number
}

const defaultLimits: WebSocketLimits = {
  connections: 50_000,
  messageBytes: 1024 * 1024,
  pauseAboveBytes: 1024 * 1024,
  cutAboveBytes: 8 * 1024 * 1024,
}

export interface WebSocketTransport {
  /** Takes over an upgrade request of the HTTP listener, on any path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Open sockets. */
  live(): number
  /** Closes all sockets with 1012 (clients come back) and takes no new ones. Twice is harmless. */
  close(): Promise<void>
}

const SUBPROTOCOL = 'janus-protocol'
/** "Service Restart" (IANA). Never 1000: clients take that for a goodbye and do not reconnect. */
const CLOSE_SERVICE_RESTART = 1012

export function createWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { gateway, log, events = noEvents, heartbeatMs = 30_000, closeTimeoutMs = 2000, allowOrigin = '*' } = options
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new Set<WebSocketConnection>()
  const endOfTurn = new EndOfTurn()
  // As a variable: the types of ws do not know `closeTimeout` yet.
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    closeTimeout: closeTimeoutMs,
    handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  }
  const server = new WebSocketServer(settings)
  server.on('headers', (headers) => headers.push(`Access-Control-Allow-Origin: ${allowOrigin}`))
  const heartbeat = setInterval(() => {
    for (const connection of connections) connection.beat()
  }, heartbeatMs).unref()
  let closing: Promise<void> | undefined

  return {
    upgrade(request, socket, head) {
      if (closing || connections.size >= limits.connections) return refuseUpgrade(socket, 503)
      if (!offersJanus(request)) return refuseUpgrade(socket, 400)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const parts = { webSocket, stream: socket, query: queryOf(request), gateway, log, endOfTurn, limits }
        const connection = new WebSocketConnection(parts)
        connections.add(connection)
        const { remoteAddress: ip, remotePort: port } = request.socket
        events.transport(connection, { event: 'connected', admin_api: false, ip, port })
        webSocket.once('close', () => {
          connections.delete(connection)
          events.transport(connection, { event: 'disconnected', admin_api: false })
        })
      })
    },
    live: () => connections.size,
    close() {
      clearInterval(heartbeat)
      closing ??= Promise.all([...connections].map((each) => each.close(CLOSE_SERVICE_RESTART))).then(() => {})
      return closing
    },
  }
}

function offersJanus(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL)
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const target = request.url ?? ''
  const at = target.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1))
}
