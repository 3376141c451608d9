/** The admin API over HTTP: requests by POST, and two that are as simple as a GET. */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admin } from '../admin/admin.js'
import type { Connection } from '../connection.js'
import { isJsonObject } from '../fields.js'
import { JsonDocuments } from '../json.js'
import type { Log } from '../log.js'
import { addressKey } from './addresses.js'
import { BodyReader } from './body.js'
import { anyOrigin } from './cors.js'
import type { Route } from './http.js'
import { Exchange } from './rest-exchange.js'
import { type ApiPath, readPath, withIds } from './rest-path.js'

const BASE = '/admin'
const BODY_MAX_BYTES = 256 * 1024
/** Memory of all bodies that are being received. */
const BODIES_MAX_BYTES = 16 * 1024 * 1024

/** Owns nothing: the admin API has no events. */
const nobody: Connection['owner'] = {
  transport: 'janus.transport.http',
  id: 'admin',
  account: undefined,
  address: '',
  event: () => {},
  released: () => {},
}

export function createAdminRest({ admin, log }: { admin: Admin; log: Log }): Route {
  const bodies = new BodyReader(() => ({ bodyBytes: BODY_MAX_BYTES, totalBytes: BODIES_MAX_BYTES }))
  return {
    base: BASE,
    handle(request: IncomingMessage, response: ServerResponse, url: URL) {
      const exchange = new Exchange(request, response, url, anyOrigin)
      dispatch(exchange, admin, bodies).catch((error) => {
        log.error({ err: error }, 'a request made the admin transport throw: this is a bug')
        response.destroy()
      })
    },
  }
}

async function dispatch(exchange: Exchange, admin: Admin, bodies: BodyReader): Promise<void> {
  const { method = '' } = exchange.request
  if (method === 'OPTIONS') return exchange.status(200)
  if (method !== 'GET' && method !== 'POST') return exchange.error('TRANSPORT_SPECIFIC', `Unsupported method ${method}`)
  const path = readPath(exchange.url.pathname.slice(BASE.length))
  if (path.kind === 'none') return exchange.status(404)
  if (path.kind !== 'api') return describe(exchange, admin, path.kind)
  if (method === 'GET') return exchange.error('INVALID_JSON', 'Request payload missing')
  return post(exchange, admin, bodies, path)
}

function describe(exchange: Exchange, admin: Admin, kind: 'info' | 'ping'): void {
  if (exchange.request.method !== 'GET') {
    return exchange.error('TRANSPORT_SPECIFIC', `Use GET for the ${kind} endpoint`)
  }
  // Janus makes up a transaction of 11 characters here.
  const transaction = randomBytes(9).toString('base64url').slice(0, 11)
  if (kind === 'ping') return exchange.message({ janus: 'pong', transaction })
  return exchange.message({ janus: 'server_info', transaction, ...admin.info() })
}

async function post(exchange: Exchange, admin: Admin, bodies: BodyReader, path: ApiPath): Promise<void> {
  const address = addressKey(exchange.request.socket.remoteAddress ?? '')
  const body = await bodies.read(exchange.request, address)
  if (body === 'aborted') return
  if (typeof body === 'string') return exchange.status(body === 'too long' ? 413 : 503)
  if (body.length === 0) return exchange.error('INVALID_JSON', 'Request payload missing')
  const read = JsonDocuments.only(isUtf8(body) ? body.toString() : '')
  if (read.kind === 'malformed')
    return exchange.error('INVALID_JSON', `JSON error: on line ${read.line}: ${read.problem}`)
  if (!isJsonObject(read.value)) return exchange.error('INVALID_JSON_OBJECT', 'JSON error: not an object')
  const message = withIds(read.value, path)
  if (typeof message === 'string') {
    return exchange.error('INVALID_REQUEST_PATH', `Conflicting ${message} ID (payload and path)`)
  }
  const { searchParams: query } = exchange.url
  admin.handle(message, { owner: nobody, query, waiting: { bytes: 0 }, reply: (reply) => exchange.message(reply) })
}
