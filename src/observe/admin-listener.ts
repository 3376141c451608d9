/** The listener for operators: `/metrics` and `/health`. With a secret, both want it as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AdminOptions {
  host: string
  port: number
  secret: string | undefined
  metrics: { contentType: string; text(): Promise<string> }
  /** What `/health` says besides `status`. */
  health(): { healthy: boolean; details: Record<string, unknown> }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Constant-time, whatever the lengths are. */
const authorised = (request: IncomingMessage, secret: string | undefined) =>
  secret === undefined || timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${secret}`))

async function answer(request: IncomingMessage, response: ServerResponse, options: AdminOptions): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://admin').pathname
  if (request.method !== 'GET' || (path !== '/metrics' && path !== '/health')) return void response.writeHead(404).end()
  if (!authorised(request, options.secret)) return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
  if (path === '/metrics') {
    const text = await options.metrics.text()
    return void response.writeHead(200, { 'content-type': options.metrics.contentType }).end(text)
  }
  const { healthy, details } = options.health()
  response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ status: healthy ? 'ok' : 'degraded', ...details }))
}

/**
 * Starts listening.
 * @throws the system's error (EADDRINUSE, EACCES, …) when it cannot
 */
export async function listenAdmin(options: AdminOptions): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    answer(request, response, options).catch(() => response.headersSent || response.writeHead(500).end())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
