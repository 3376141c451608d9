/** The REST transport on a real listener, with a client for it. */
import assert from 'node:assert/strict'
import type { ServerMessage } from '../connection.js'
import type { GatewayOptions } from '../gateway.js'
import { createHttpListener, type HttpListener } from '../transports/http.js'
import { createRest, type Rest, type RestOptions } from '../transports/rest.js'
import { createWebSocketTransport, type WebSocketTransport } from '../transports/websocket.js'
import { idOf, type World, world } from './client.js'

export interface RestServer extends World {
  readonly rest: Rest
  readonly sockets: WebSocketTransport
  readonly listener: HttpListener
  /** Where the API is: ends with `/janus`. */
  readonly url: string
  readonly post: (path: string, message: unknown, type?: string) => Promise<Answer>
  readonly get: (path: string, init?: RequestInit) => Promise<Answer>
  /** @returns the id of a session that is used over HTTP */
  readonly create: (query?: string) => Promise<number>
  /** @returns paths of a session, and of its handle */
  readonly attached: () => Promise<{ session: string; handle: string; sessionId: number; handleId: number }>
  close(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body parsed, which has to be JSON then. */
  readonly json: ServerMessage & { readonly error?: { readonly code: number; readonly reason: string } }
  readonly events: readonly ServerMessage[]
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const parsed = () => {
    assert.equal(response.headers.get('content-type'), 'application/json')
    return JSON.parse(text)
  }
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return parsed()
    },
    get events() {
      const found: unknown = parsed()
      assert.ok(Array.isArray(found), 'an array')
      return found
    },
  }
}

export async function startRest(
  options: Partial<RestOptions> = {},
  gatewayOptions: Partial<GatewayOptions> = {},
): Promise<RestServer> {
  const made = world(gatewayOptions)
  const { gateway, log } = made
  const rest = createRest({ gateway, log, ...options })
  const sockets = createWebSocketTransport({ gateway, log })
  const upgrade = sockets.upgrade.bind(sockets)
  const listener = await createHttpListener({ host: '127.0.0.1', port: 0, routes: [rest], upgrade, log })
  const url = `${listener.url}/janus`
  const get = async (path: string, init: RequestInit = {}) =>
    answerOf(await fetch(url + path, { redirect: 'manual', ...init }))
  const post = async (path: string, message: unknown, type = 'application/json') =>
    get(path, {
      method: 'POST',
      headers: { 'content-type': type },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    })
  const create = async (query = '') => idOf((await post(query, { janus: 'create', transaction: 'c' })).json)
  return {
    ...made,
    rest,
    sockets,
    listener,
    url,
    get,
    post,
    create,
    async attached() {
      const sessionId = await create()
      const plugin = 'janus.plugin.fake'
      const handleId = idOf((await post(`/${sessionId}`, { janus: 'attach', transaction: 'a', plugin })).json)
      return { session: `/${sessionId}`, handle: `/${sessionId}/${handleId}`, sessionId, handleId }
    },
    async close() {
      rest.polls.close()
      await sockets.close()
      gateway.close()
      await listener.close()
      assert.equal(rest.polls.live, 0)
    },
  }
}
