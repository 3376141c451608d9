/** The one HTTP(S) listener: routes by path, and hands WebSocket upgrades on. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Log } from '../log.js'
import { Tally } from './addresses.js'
import { hasBody } from './body.js'

/** Serves a path and everything below it. */
export interface Route {
  /** `/`, or like `/janus`, without a slash at the end. The longest that fits gets the request. */
  readonly base: string
  handle(request: IncomingMessage, response: ServerResponse, url: URL): void
}

export interface HttpListenerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** PEM texts; with them the listener speaks TLS. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer }
  readonly routes: readonly Route[]
  /** Gets every upgrade request, whatever its path. Without it they are refused. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Open connections, whatever is spoken on them; one more is closed at once. Default: no limit. */
  readonly connectionsMax?: number
  /** How many of those one address may have. @returns a key for the address, undefined for one without limit. Default: no limit */
  readonly connectionsPerAddress?: { readonly max: number; keyOf(address: string): string | undefined }
  /** A connection was closed for one of these. */
  readonly onDrop?: () => void
  /** Whether the peer of that address may connect at all; others are cut off before they say anything. */
  readonly admits?: (address: string) => boolean
  readonly log: Log
}

export interface HttpListener {
  /** E.g. `http://127.0.0.1:8188`; `localhost` stands for all addresses. */
  readonly url: string
  readonly port: number
  /** New connections get this certificate, open ones go on with theirs. @throws Error without TLS, or for what is none */
  setCertificate(tls: { readonly cert: string | Buffer; readonly key: string | Buffer }): void
  /** Replaces `connectionsMax` and `connectionsPerAddress`; connections that are open stay. */
  setConnectionsMax(connections: number, perAddress: number): void
  /** Takes no new connections. Those that are open go on. */
  stop(): void
  /**
   * Ends everything; replies that are on their way get a moment to arrive. Close upgraded sockets first. Twice is harmless.
   */
  close(): Promise<void>
}

/** A request, headers and body, has to arrive within this. */
const REQUEST_TIMEOUT_MS = 30_000
const HEADERS_TIMEOUT_MS = 15_000
const HEADERS_MAX = 100
/** How long connections that are in use may go on at the end. */
const CLOSE_GRACE_MS = 500
const CLOSE_LOOK_MS = 20

/** @returns when it listens. @throws what `listen` throws (EADDRINUSE, EACCES) or what is wrong with the PEM texts */
export async function createHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const { host, port, log } = options
  const server = createServerOf(options)
  const gate = new Gate(server, options)
  await listen(server, host, port)
  server.on('error', (error) => log.error({ err: error }, 'the HTTP listener failed'))
  return new OpenListener(server, gate, options)
}

function createServerOf({ tls, upgrade, log, routes: unsorted }: HttpListenerOptions): Server {
  const routes = [...unsorted].sort((a, b) => b.base.length - a.base.length)
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => dispatch(routes, log, request, response)
  const server = tls
    ? createSecureServer({ ...timeouts, handshakeTimeout: HEADERS_TIMEOUT_MS, ...tls }, onRequest)
    : createServer(timeouts, onRequest)
  server.maxHeadersCount = HEADERS_MAX
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (upgrade) upgrade(request, socket, head)
    else refuseUpgrade(socket, 404)
  })
  return server
}

/** Which connections may be open at all. */
class Gate {
  readonly #server: Server
  readonly #options: HttpListenerOptions
  readonly #byAddress = new Tally()
  #perAddressMax: number

  constructor(server: Server, options: HttpListenerOptions) {
    const { connectionsMax, connectionsPerAddress } = options
    this.#server = server
    this.#options = options
    this.#perAddressMax = connectionsPerAddress?.max ?? Number.POSITIVE_INFINITY
    if (connectionsMax !== undefined) server.maxConnections = connectionsMax
    server.on('drop', () => options.onDrop?.())
    server.on('connection', (socket) => this.#enter(socket))
  }

  setMax(connections: number, perAddress: number): void {
    this.#server.maxConnections = connections
    this.#perAddressMax = perAddress
  }

  #enter(socket: Socket): void {
    const { admits, connectionsPerAddress, onDrop } = this.#options
    const address = socket.remoteAddress ?? ''
    if (admits && !admits(address)) {
      socket.destroy()
      return
    }
    const key = connectionsPerAddress?.keyOf(address)
    if (key === undefined) return
    if (this.#byAddress.of(key) >= this.#perAddressMax) {
      onDrop?.()
      socket.destroy()
      return
    }
    this.#byAddress.add(key, 1)
    socket.once('close', () => this.#byAddress.add(key, -1))
  }
}

class OpenListener implements HttpListener {
  readonly url: string
  readonly port: number
  readonly #server: Server
  readonly #gate: Gate
  #closing: Promise<void> | undefined

  /** @param server which listens */
  constructor(server: Server, gate: Gate, { tls, host }: HttpListenerOptions) {
    this.#server = server
    this.#gate = gate
    this.port = (server.address() as AddressInfo).port
    this.url = `${tls ? 'https' : 'http'}://${urlHost(host)}:${this.port}`
  }

  setCertificate(certificate: { readonly cert: string | Buffer; readonly key: string | Buffer }): void {
    if (!(this.#server instanceof SecureServer)) throw new Error('a listener without TLS has no certificate')
    this.#server.setSecureContext(certificate)
  }

  setConnectionsMax(connections: number, perAddress: number): void {
    this.#gate.setMax(connections, perAddress)
  }

  stop(): void {
    this.#closing ??= this.#closed()
    this.#server.closeIdleConnections()
  }

  close(): Promise<void> {
    const server = this.#server
    this.#closing ??= this.#closed()
    server.closeIdleConnections()
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_LOOK_MS)
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    return this.#closing.finally(() => {
      clearInterval(idle)
      clearTimeout(cut)
    })
  }

  #closed(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

const statusTexts = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

/** Answers an upgrade request with a status and ends its connection. */
export function refuseUpgrade(socket: Duplex, status: keyof typeof statusTexts): void {
  const reason = statusTexts[status]
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function dispatch(routes: readonly Route[], log: Log, request: IncomingMessage, response: ServerResponse): void {
  const url = parseUrl(request.url)
  if (!url || isGetWithBody(request)) {
    request.resume()
    response.writeHead(400, { connection: 'close' }).end()
    return
  }
  const path = url.pathname
  const fits = ({ base }: Route) => base === '/' || path === base || path.startsWith(`${base}/`)
  const route = routes.find(fits)
  try {
    if (route) route.handle(request, response, url)
    else {
      request.resume()
      response.writeHead(404).end()
    }
  } catch (error) {
    log.error({ err: error, path }, 'an HTTP route threw: this is a bug')
    response.destroy()
  }
}

/**
 * A body of a GET means nothing, and may be refused (RFC 9110 §9.3.1). Nobody reads it, so Node would keep some of it, an
 * object for each piece, until the request is answered: with a long poll that is half a minute.
 */
function isGetWithBody(request: IncomingMessage): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && hasBody(request)
}

/** @returns undefined for a request target that is no path (`*`) or cannot be parsed */
function parseUrl(target = ''): URL | undefined {
  const base = 'http://localhost'
  // A path that starts with two slashes would be read as a host.
  if (target.startsWith('/')) return URL.canParse(base + target) ? new URL(base + target) : undefined
  return /^https?:/i.test(target) && URL.canParse(target) ? new URL(target) : undefined
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
