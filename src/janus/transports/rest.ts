/** HTTP under `/janus`: so far only `GET /janus/info`, with the CORS headers of Janus. */
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Gateway } from '../gateway.js'
import type { Route } from './http.js'

export interface RestOptions {
  readonly gateway: Gateway
  /** `Access-Control-Allow-Origin`. Default `*`. */
  readonly allowOrigin?: string
}

export function createRest({ gateway, allowOrigin = '*' }: RestOptions): Route {
  const base = '/janus'
  return {
    base,
    handle(request, response, url) {
      const cors = corsHeaders(request.headers, allowOrigin)
      const isInfo = url.pathname === `${base}/info`
      if (request.method === 'OPTIONS') {
        response.writeHead(200, cors).end()
      } else if (isInfo && (request.method === 'GET' || request.method === 'HEAD')) {
        // Janus makes up a transaction of 11 characters here.
        const transaction = randomBytes(9).toString('base64url').slice(0, 11)
        const reply = { janus: 'server_info', transaction, ...gateway.info() }
        response.writeHead(200, { ...cors, 'content-type': 'application/json' }).end(JSON.stringify(reply))
      } else {
        response.writeHead(isInfo ? 400 : 404, { ...cors, connection: 'close' }).end()
      }
    },
  }
}

function corsHeaders(headers: IncomingHttpHeaders, allowOrigin: string): Record<string, string> {
  const method = headers['access-control-request-method']
  const names = headers['access-control-request-headers']
  return {
    'access-control-allow-origin': allowOrigin,
    ...(allowOrigin !== '*' && { 'access-control-allow-credentials': 'true', vary: 'Origin' }),
    'access-control-max-age': '86400',
    ...(method !== undefined && { 'access-control-allow-methods': method }),
    ...(names !== undefined && { 'access-control-allow-headers': names }),
  }
}
