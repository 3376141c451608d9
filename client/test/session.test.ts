import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Handle } from '../src/handle.js'
import { Session, type SessionEnd } from '../src/session.js'

/** Requests of a client as they arrive, ids included. */
type Request = {
  janus: string
  transaction: string
  session_id?: number
  handle_id?: number
  body?: unknown
  jsep?: unknown
}

/** Node 20 has no WebSocket of its own; unlike this package's, a browser's does not mind an error nobody listens to. */
class BrowserWebSocket extends WebSocket {
  constructor(address: string, protocol: string) {
    super(address, protocol)
    this.on('error', () => undefined)
  }
}

let server: WebSocketServer
let url: string
let requests: Request[]
/** Answers one request; undefined leaves it unanswered. */
let answer: (request: Request) => object | undefined

const usual = (request: Request): object | undefined => {
  if (request.janus === 'create') return { janus: 'success', data: { id: 11 } }
  if (request.janus === 'attach') return { janus: 'success', session_id: 11, data: { id: 22 } }
  return { janus: 'ack', session_id: 11 }
}

beforeEach(async () => {
  Object.assign(globalThis, { WebSocket: BrowserWebSocket })
  requests = []
  answer = usual
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'janus-protocol' })
  server.on('connection', (socket) => {
    socket.on('message', (raw) => {
      const request = JSON.parse(String(raw)) as Request
      requests.push(request)
      const reply = answer(request)
      if (reply) socket.send(JSON.stringify({ transaction: request.transaction, ...reply }))
    })
  })
  await once(server, 'listening')
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  for (const client of server.clients) client.terminate()
  await new Promise((resolve) => server.close(resolve))
})

const signal = new AbortController().signal

/** A session with one handle, and a promise of its end. */
async function connect(staleId?: number): Promise<{ session: Session; handle: Handle; ended: Promise<SessionEnd> }> {
  let end: (value: SessionEnd) => void = () => undefined
  const ended = new Promise<SessionEnd>((resolve) => {
    end = resolve
  })
  const session = await Session.create(url, { staleId, signal }, (value) => end(value))
  return { session, handle: await session.attach('janus.plugin.sfu'), ended }
}

function push(message: object): void {
  for (const client of server.clients) client.send(JSON.stringify(message))
}

test('creates and attaches', async () => {
  const { session, handle } = await connect()
  assert.equal(session.id, 11)
  assert.equal(handle.id, 22)
  assert.deepEqual(
    requests.map(({ janus, session_id }) => [janus, session_id]),
    [
      ['create', undefined],
      ['attach', 11],
    ],
  )
  session.close()
})

test('destroys its own ghost before it creates', async () => {
  answer = (request) =>
    request.janus === 'destroy' ? { janus: 'error', error: { code: 458, reason: 'No such session 5' } } : usual(request)
  const { session } = await connect(5)
  assert.deepEqual(
    requests.map(({ janus, session_id }) => [janus, session_id]),
    [
      ['destroy', 5],
      ['create', undefined],
      ['attach', 11],
    ],
  )
  session.close()
})

test('a message gives the response and the description of its event', async () => {
  const { session, handle } = await connect()
  const jsep = { type: 'offer', sdp: 'v=0' }
  answer = () => {
    push({ janus: 'ack', session_id: 11, transaction: requests.at(-1)?.transaction })
    const data = { success: true, response: { users: { r: ['a'] } } }
    return { janus: 'event', session_id: 11, sender: 22, plugindata: { plugin: 'janus.plugin.sfu', data }, jsep }
  }
  const reply = await handle.send('join', { room_id: 'r', user_id: 'me', subscribe: { media: 'a' } })
  assert.deepEqual(reply, { response: { users: { r: ['a'] } }, jsep })
  const { janus, session_id, handle_id, body } = requests.at(-1)!
  assert.deepEqual([janus, session_id, handle_id], ['message', 11, 22])
  assert.deepEqual(body, { kind: 'join', room_id: 'r', user_id: 'me', subscribe: { media: 'a' } })
  session.close()
})

test('a refusal of the plugin rejects with its sentence and code', async () => {
  const { session, handle } = await connect()
  answer = () => {
    const data = { success: false, error: { msg: 'Room is full.', code: 'room_full' } }
    return { janus: 'event', session_id: 11, sender: 22, plugindata: { plugin: 'janus.plugin.sfu', data } }
  }
  await assert.rejects(handle.send('join', { room_id: 'r', user_id: 'me' }), {
    name: 'RoomError',
    kind: 'refused',
    code: 'room_full',
    message: 'Room is full.',
  })
  session.close()
})

test('events reach the handle they belong to, until it is detached', async () => {
  const { session, handle } = await connect()
  const seen: unknown[] = []
  handle.listener = {
    notification: (data) => seen.push(data),
    jsep: (jsep) => seen.push(jsep),
    hangup: (reason) => seen.push(reason),
  }
  const event = { janus: 'event', session_id: 11, sender: 22, plugindata: { plugin: 'p', data: { event: 'join' } } }
  push({ ...event, sender: 23 })
  push({ ...event, session_id: 12 })
  push({ ...event, jsep: { type: 'offer', sdp: 'v=0' } })
  push({ janus: 'hangup', session_id: 11, sender: 22, reason: 'DTLS alert' })
  await session.request({ janus: 'keepalive' })
  assert.deepEqual(seen, [{ event: 'join' }, { type: 'offer', sdp: 'v=0' }, 'DTLS alert'])
  handle.detach()
  push(event)
  await session.request({ janus: 'keepalive' })
  assert.equal(seen.length, 3)
  assert.ok(requests.some(({ janus, handle_id }) => janus === 'detach' && handle_id === 22))
  session.close()
})

test('a close with 1000 is a goodbye; any other is a loss, and pending requests are rejected', async () => {
  for (const [code, kind] of [
    [1000, 'goodbye'],
    [1012, 'lost'],
  ] as const) {
    answer = usual
    const { handle, ended } = await connect()
    answer = () => undefined
    const pending = assert.rejects(handle.send('block', { whom: 'a' }), { kind: 'disconnected' })
    for (const client of server.clients) client.close(code)
    assert.equal((await ended).kind, kind)
    await pending
  }
})

test('a timeout of the session is a loss', async () => {
  const { ended } = await connect()
  push({ janus: 'timeout', session_id: 11 })
  const end = await ended
  assert.equal(end.kind, 'lost')
})

test('a probe that is answered with an error is a loss', async () => {
  const { session, ended } = await connect()
  answer = () => ({ janus: 'error', session_id: 11, error: { code: 458, reason: 'No such session 11' } })
  session.probe()
  const end = await ended
  assert.equal(end.kind === 'lost' && end.error.code, 458)
})

test('closing tells the server without waiting, and reports nothing', async () => {
  const { session, ended } = await connect()
  const [socket] = server.clients
  const closed = once(socket!, 'close')
  session.close()
  const [code] = await closed
  assert.equal(code, 1000)
  assert.equal(requests.at(-1)?.janus, 'destroy')
  assert.equal(await Promise.race([ended, Promise.resolve('nothing')]), 'nothing')
})

test('an abort while connecting ends the attempt', async () => {
  const aborter = new AbortController()
  answer = () => {
    aborter.abort()
    return undefined
  }
  await assert.rejects(
    Session.create(url, { signal: aborter.signal }, () => undefined),
    { kind: 'disconnected' },
  )
})

test('a server that is not there rejects', async () => {
  await assert.rejects(
    Session.create('ws://127.0.0.1:9', { signal }, () => undefined),
    { kind: 'disconnected' },
  )
})
