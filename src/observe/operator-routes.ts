/** `/metrics` and `/health`. With a secret, both want it as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface OperatorRoutesOptions {
  secret: string | undefined
  metrics: { contentType: string; text(): Promise<string> }
  health(): Promise<Health>
  /** Called for each request with a wrong secret, or none. */
  refused(): void
}

export interface Health {
  /** Why the server should get no new clients, a sentence each; none = it is ready. */
  readonly problems: readonly string[]
  /** What else `/health` says. */
  readonly details: Readonly<Record<string, unknown>>
}

interface OperatorRoute {
  readonly base: string
  handle(request: IncomingMessage, response: ServerResponse, url: URL): void
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Constant-time, whatever the lengths are. */
const authorised = (request: IncomingMessage, secret: string | undefined) =>
  secret === undefined || timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${secret}`))

type Answer = (response: ServerResponse) => Promise<unknown>

export function createOperatorRoutes({ secret, metrics, health, refused }: OperatorRoutesOptions): OperatorRoute[] {
  const route = (base: string, answer: Answer): OperatorRoute => ({
    base,
    handle(request, response, url) {
      if ((request.method !== 'GET' && request.method !== 'HEAD') || url.pathname !== base) {
        return void response.writeHead(404).end()
      }
      if (!authorised(request, secret)) {
        refused()
        return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      }
      answer(response).catch(() => response.headersSent || response.writeHead(500).end())
    },
  })
  return [
    route('/metrics', async (response) => {
      const text = await metrics.text()
      return response.writeHead(200, { 'content-type': metrics.contentType }).end(text)
    }),
    route('/health', async (response) => {
      const { problems, details } = await health()
      const ready = problems.length === 0
      response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ status: ready ? 'ok' : 'degraded', ready, problems, ...details }))
    }),
  ]
}
