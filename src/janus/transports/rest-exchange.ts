/** One HTTP request, and the ways to answer it. Every answer has the CORS headers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerMessage } from '../connection.js'
import { failure, type JanusErrorSymbol } from '../errors.js'
import { hasBody } from './body.js'
import { type CorsOptions, corsHeaders } from './cors.js'

export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly #cors: CorsOptions

  constructor(request: IncomingMessage, response: ServerResponse, url: URL, cors: CorsOptions) {
    this.request = request
    this.response = response
    this.url = url
    this.#cors = cors
  }

  /** An empty answer. */
  status(status: number, more: Record<string, string> = {}): void {
    this.#answer(status, more, '')
  }

  /** @param body serialised JSON */
  json(body: string): void {
    this.#answer(200, { 'content-type': 'application/json' }, body)
  }

  message(message: ServerMessage): void {
    this.json(JSON.stringify(message))
  }

  /** An error that names neither transaction nor session, as Janus has them for what it finds before it reads a message. */
  error(symbol: JanusErrorSymbol, text: string): void {
    this.message({ janus: 'error', ...failure(symbol, text) })
  }

  #answer(status: number, more: Record<string, string>, body: string): void {
    const { request, response } = this
    // A request without a body may not be `complete` yet when it is answered at once.
    const isRead = request.complete || !hasBody(request)
    // What is left of a body is thrown away: Node would keep some of it until the answer is out, which may have to wait
    // for others. With the answer the connection ends, however much of the body there is.
    if (!isRead) request.resume()
    const connection = isRead ? {} : { connection: 'close' }
    const length = { 'content-length': Buffer.byteLength(body) }
    response.writeHead(status, { ...corsHeaders(request.headers, this.#cors), ...connection, ...more, ...length })
    response.end(body)
  }
}
