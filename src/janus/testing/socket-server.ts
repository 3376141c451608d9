/** The WebSocket transport on a real listener, with clients for it: whole ones, and one that writes byte by byte. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { Refusals } from '../refusals.js'
import { createHttpListener, type HttpListener } from '../transports/http.js'
import {
  createWebSocketTransport,
  type WebSocketTransport,
  type WebSocketTransportOptions,
} from '../transports/websocket.js'
import { type World, world } from './client.js'

export interface SocketServer extends World {
  readonly listener: HttpListener
  readonly sockets: WebSocketTransport
  /** Reasons that were counted, with how often. */
  counted(): Partial<Record<string, number>>
  /** @param address that the client is said to have @returns an open socket */
  open(address?: string): Promise<WebSocket>
  /** @returns the HTTP status that another socket is refused with */
  refused(headers?: Record<string, string>): Promise<number | undefined>
  /** @returns the connection below an open WebSocket, for bytes that no library writes */
  raw(address?: string): Promise<Socket>
  close(): Promise<void>
}

/** Where a test says what address its client has. */
const ADDRESS_HEADER = 'x-test-address'
export const testAddress = ({ headers }: IncomingMessage): string => String(headers[ADDRESS_HEADER] ?? 'somebody')

/** What was counted at all. */
export const positive = (refusals: Refusals): Partial<Record<string, number>> =>
  Object.fromEntries(Object.entries(refusals.counters()).filter(([, count]) => count > 0))

export async function startSockets(options: Partial<WebSocketTransportOptions> = {}): Promise<SocketServer> {
  const refusals = new Refusals()
  const made = world({ refusals })
  const { gateway, log } = made
  const sockets = createWebSocketTransport({ gateway, log, refusals, clientAddress: testAddress, ...options })
  const upgrade = sockets.upgrade.bind(sockets)
  const listener = await createHttpListener({ host: '127.0.0.1', port: 0, routes: [], upgrade, log })
  const url = listener.url.replace('http', 'ws')
  const clients: { destroy(): void }[] = []
  return {
    ...made,
    listener,
    sockets,
    counted: () => positive(refusals),
    async open(address = 'somebody') {
      const socket = new WebSocket(url, 'janus-protocol', { headers: { [ADDRESS_HEADER]: address } })
      clients.push({ destroy: () => socket.terminate() })
      await once(socket, 'open')
      return socket
    },
    async refused(headers = {}) {
      const socket = new WebSocket(url, 'janus-protocol', { headers })
      const [, response] = await once(socket, 'unexpected-response')
      socket.on('error', () => {}).terminate()
      return response.statusCode
    },
    async raw(address = 'somebody') {
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {})
      clients.push(socket)
      const head = [
        'GET / HTTP/1.1',
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        `${ADDRESS_HEADER}: ${address}`,
      ]
      const webSocket = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']
      socket.write([...head, ...webSocket, 'Sec-WebSocket-Protocol: janus-protocol', '', ''].join('\r\n'))
      await once(socket, 'data')
      return socket
    },
    async close() {
      for (const client of clients) client.destroy()
      await sockets.close()
      gateway.close()
      await listener.close()
    },
  }
}

/** The beginning of a text frame of a client, whose mask is 0 (RFC 6455 §5.2). @param length of the payload */
export function textFrame(length: number): Buffer {
  const head = Buffer.alloc(14)
  head[0] = 0x81
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
