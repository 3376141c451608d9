/** J-015 … J-031 and J-097: REST and the long poll. */
import assert from 'node:assert/strict'
import type { Message } from '../../../support/wire.js'
import type { Row } from '../row.js'
import { type HttpReply, isError, isErrorWithout, type Stage } from '../stage.js'

const needs = ['http'] as const
const UNKNOWN = 4_503_599_627_370_498

/** A session of the REST transport, with a handle. */
interface RestSession {
  readonly id: number
  readonly handle: number
  /** Sends a message that is answered by an event; gives its transaction. */
  cause(): Promise<string>
  poll(query?: string, signal?: AbortSignal): Promise<HttpReply>
}

let transactions = 0
const transaction = () => `h${transactions++}`

async function open(stage: Stage): Promise<RestSession> {
  const created = await stage.post('', { janus: 'create', transaction: transaction() })
  const { id } = created.json.data!
  const attach = { janus: 'attach', transaction: transaction(), plugin: stage.plugin.name }
  const attached = await stage.post(`/${id}`, attach)
  const handle = attached.json.data!.id
  return {
    id,
    handle,
    async cause() {
      const message = { janus: 'message', transaction: transaction(), body: stage.plugin.harmless }
      const { json } = await stage.post(`/${id}/${handle}`, message)
      assert.equal(json.janus, 'ack')
      return message.transaction
    },
    poll: (query = '', signal) => stage.http(`/${id}?rid=${Math.random()}${query}`, signal ? { signal } : {}),
  }
}

const isEmpty = (reply: HttpReply, status: number) => assert.deepEqual([reply.status, reply.text], [status, ''])

const timeoutMs = ({ server }: Stage) => Number(server.info['session-timeout']) * 1_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Time in which a request that was sent has certainly been received. */
const RECEIVED_MS = 200

export const rest: readonly Row[] = [
  {
    id: 'J-015',
    behaviour: 'HTTP: errors of the core have status 200',
    needs,
    async run(stage) {
      const reply = await stage.post('', { janus: 'foo', transaction: 't' })
      assert.equal(reply.status, 200)
      assert.match(reply.headers.get('content-type') ?? '', /^application\/json/)
      isError(reply.json, 457, "Unhandled request 'foo' at this path")
      assert.equal(reply.json.transaction, 't')
    },
  },
  {
    id: 'J-016',
    behaviour: 'HTTP: ids are taken from the path',
    needs,
    async run(stage) {
      const { id, handle } = await open(stage)
      const hangup = await stage.post(`/${id}/${handle}`, { janus: 'hangup', transaction: 't' })
      assert.deepEqual(hangup.json, { janus: 'success', session_id: id, transaction: 't' })
      const keepalive = await stage.post('', { janus: 'keepalive', transaction: 't', session_id: id })
      assert.deepEqual(keepalive.json, { janus: 'ack', session_id: id, transaction: 't' })
    },
  },
  {
    id: 'J-017',
    behaviour: 'HTTP: other ids in the body than in the path are 457, without transaction',
    needs,
    async run(stage) {
      const { id, handle } = await open(stage)
      const ask = { janus: 'hangup', transaction: 't' }
      const session = await stage.post(`/${id}`, { ...ask, session_id: id + 1 })
      isErrorWithout(session.json, 457, 'Conflicting session ID (payload and path)')
      const other = await stage.post(`/${id}/${handle}`, { ...ask, handle_id: handle + 1 })
      isErrorWithout(other.json, 457, 'Conflicting handle ID (payload and path)')
    },
  },
  {
    id: 'J-018',
    behaviour: 'HTTP: GET info is 200 with server_info, POST is 400',
    needs,
    async run(stage) {
      const { status, json } = await stage.http('/info')
      assert.deepEqual([status, json.janus], [200, 'server_info'])
      assert.match(json.transaction ?? '', /^.{11}$/)
      isEmpty(await stage.post('/info', {}), 400)
    },
  },
  {
    id: 'J-019',
    behaviour: 'HTTP: GET ping gives pong (Janus from 1.2.2 on)',
    needs,
    async run(stage) {
      const { status, json } = await stage.http('/ping')
      assert.deepEqual([status, json.janus], [200, 'pong'])
      isEmpty(await stage.post('/ping', {}), 400)
    },
  },
  {
    id: 'J-020',
    behaviour: 'HTTP: bad paths, and GET of unknown sessions, are 404 and empty',
    needs,
    async run(stage) {
      for (const path of ['', '/', '/0', '/abc', `/${UNKNOWN}`]) isEmpty(await stage.http(path), 404)
      assert.equal((await fetch(`${stage.server.httpUrl}x`)).status, 404)
    },
  },
  {
    id: 'J-021',
    behaviour: 'HTTP: GET of a handle redirects to its session',
    needs,
    async run(stage) {
      const { id, handle } = await open(stage)
      const reply = await stage.http(`/${id}/${handle}`)
      isEmpty(reply, 302)
      assert.equal(reply.headers.get('location'), `${new URL(stage.server.httpUrl!).pathname}/${id}`)
    },
  },
  {
    id: 'J-022',
    behaviour: 'HTTP: CORS on every reply; OPTIONS echoes the method and headers that were asked for',
    needs,
    async run(stage) {
      const { id } = await open(stage)
      const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
      for (const path of ['', `/${id}`]) {
        const reply = await stage.http(path, { method: 'OPTIONS', headers: asked })
        isEmpty(reply, 200)
        assert.equal(reply.headers.get('access-control-allow-methods'), 'POST')
        assert.equal(reply.headers.get('access-control-allow-headers'), 'content-type')
      }
      const replies = [stage.http('/info'), stage.post('', {}), stage.http('/0'), stage.http('', { method: 'OPTIONS' })]
      for (const { headers } of await Promise.all(replies)) {
        assert.equal(headers.get('access-control-allow-origin'), '*')
        assert.equal(headers.get('access-control-max-age'), '86400')
      }
    },
  },
  {
    id: 'J-023',
    behaviour: 'HTTP: another method is 450 with status 200',
    needs,
    async run(stage) {
      const { status, json } = await stage.http('', { method: 'DELETE' })
      assert.equal(status, 200)
      isErrorWithout(json, 450, 'Unsupported method DELETE')
    },
  },
  {
    id: 'J-024',
    behaviour: 'HTTP: no JSON is 454, no object 455, both without transaction',
    needs,
    async run(stage) {
      const broken = await stage.post('', 'zz')
      isErrorWithout(broken.json, 454, "JSON error: on line 1: '[' or '{' expected near 'zz'")
      isErrorWithout((await stage.post('', '[]')).json, 455, 'JSON error: not an object')
    },
  },
  {
    id: 'J-025',
    behaviour: 'long poll: an object without maxev and for 1, an array for 2 and more',
    needs,
    async run(stage) {
      const session = await open(stage)
      const caused: string[] = []
      for (let i = 0; i < 4; i++) caused.push(await session.cause())
      const one = (await session.poll()).json
      const two = (await session.poll('&maxev=1')).json
      const rest = (await session.poll('&maxev=10')).json as unknown as Message[]
      assert.ok(Array.isArray(rest) && rest.length >= 1, JSON.stringify(rest))
      const got = [one, two, ...rest].map((event) => event.transaction)
      assert.deepEqual(got, caused.slice(0, got.length))
    },
  },
  {
    id: 'J-026',
    behaviour: 'long poll: keepalive after 30 s',
    needs,
    async run(stage) {
      const [object, array] = await Promise.all(
        ['', '&maxev=5'].map(async (query) => {
          const session = await open(stage)
          const startedMs = performance.now()
          const { json } = await session.poll(query)
          const afterMs = performance.now() - startedMs
          assert.ok(afterMs > 28_000 && afterMs < 34_000, `after ${Math.round(afterMs)} ms`)
          return json
        }),
      )
      assert.deepEqual(object, { janus: 'keepalive' })
      assert.deepEqual(array, [{ janus: 'keepalive' }])
    },
  },
  {
    id: 'J-027',
    behaviour: 'long poll: a held one is answered by the first event',
    needs,
    async run(stage) {
      const session = await open(stage)
      const held = session.poll()
      await pause(RECEIVED_MS)
      const caused = await session.cause()
      const { json } = await held
      assert.deepEqual([json.janus, json.session_id, json.sender], ['event', session.id, session.handle])
      assert.equal(json.transaction, caused)
    },
  },
  {
    id: 'J-028',
    behaviour: 'long poll: of several held ones the first gets the event, the others a keepalive',
    needs,
    async run(stage) {
      const session = await open(stage)
      const first = session.poll()
      await pause(RECEIVED_MS)
      const second = session.poll()
      await pause(RECEIVED_MS)
      await session.cause()
      assert.equal((await first).json.janus, 'event')
      assert.deepEqual((await second).json, { janus: 'keepalive' })
    },
  },
  {
    id: 'J-029',
    behaviour: 'long poll: polls keep a session alive; without them it times out',
    on: 'hasty',
    needs,
    async run(stage) {
      const session = await open(stage)
      const stop = new AbortController()
      const polls: Promise<unknown>[] = []
      for (let step = 0; step < 5; step++) {
        polls.push(session.poll('', stop.signal).catch(() => undefined))
        await pause(timeoutMs(stage) / 3)
      }
      const alive = await stage.post(`/${session.id}`, { janus: 'keepalive', transaction: 't' })
      assert.equal(alive.json.janus, 'ack')
      stop.abort()
      await Promise.all(polls)
      await pause(timeoutMs(stage) + 4_500)
      const dead = await stage.post(`/${session.id}`, { janus: 'keepalive', transaction: 't' })
      isError(dead.json, 458, `No such session ${session.id}`, session.id)
    },
  },
  {
    id: 'J-030',
    behaviour: 'long poll: a timeout ends a held one with timeout; the next is 404',
    on: 'hasty',
    needs: ['http', 'timeout shorter than a poll'],
    async run(stage) {
      const session = await open(stage)
      assert.deepEqual((await session.poll()).json, { janus: 'timeout', session_id: session.id })
      isEmpty(await session.poll(), 404)
    },
  },
  {
    id: 'J-097',
    behaviour: 'claim works from HTTP to WebSocket and back',
    needs,
    async run(stage) {
      const session = await open(stage)
      const ids = { session_id: session.id }
      const wire = await stage.connect()
      const { transaction: _, ...claimed } = await wire.request('claim', ids)
      assert.deepEqual(claimed, { janus: 'success', ...ids })
      const caused = await session.cause()
      const event = await wire.seek(0, ({ janus }) => janus === 'event')
      assert.equal(event.transaction, caused)
      const back = await stage.post(`/${session.id}`, { janus: 'claim', transaction: 't' })
      assert.deepEqual(back.json, { janus: 'success', ...ids, transaction: 't' })
      const next = await session.cause()
      assert.equal((await session.poll()).json.transaction, next)
      await wire.ping()
      assert.equal(wire.received.filter(({ janus }) => janus === 'event').length, 1)
    },
  },
]
