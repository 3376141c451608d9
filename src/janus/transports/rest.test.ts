import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, test } from 'node:test'
import { WebSocket } from 'ws'
import { apiAuth } from '../auth/api-auth.js'
import { errorOf } from '../testing/client.js'
import { type RestServer, startRest } from '../testing/rest-server.js'

const servers: RestServer[] = []

async function start(...options: Parameters<typeof startRest>): Promise<RestServer> {
  const server = await startRest(...options)
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

/** Sends bytes as they are. @returns everything that came until the server closed */
async function raw(server: RestServer, text: string): Promise<string> {
  const socket = connect(server.listener.port, '127.0.0.1')
  socket.on('error', () => {})
  let received = ''
  socket.on('data', (data) => (received += data))
  socket.write(text)
  await once(socket, 'close')
  return received
}

test('J-015 J-099 errors of the API are JSON in a 200', async () => {
  const { post } = await start()
  const unknown = await post('', { janus: 'foo', transaction: 't' })
  assert.equal(unknown.status, 200)
  assert.deepEqual(unknown.json, {
    janus: 'error',
    transaction: 't',
    error: { code: 457, reason: "Unhandled request 'foo' at this path" },
  })
  const session = await post('/5', { janus: 'keepalive', transaction: 't' })
  assert.deepEqual([session.status, session.json.session_id, errorOf(session.json)], [200, 5, '458 No such session 5'])
})

test('J-016 ids are taken from the path, or from the body, and an answer comes with the request', async () => {
  const { post, attached } = await start()
  const { session, handle, sessionId, handleId } = await attached()
  const keepalive = { janus: 'keepalive', transaction: 't' }
  const ack = { janus: 'ack', session_id: sessionId, transaction: 't' }
  assert.deepEqual((await post(session, keepalive)).json, ack)
  assert.deepEqual((await post(`${session}/`, keepalive)).json, ack)
  assert.deepEqual((await post('', { ...keepalive, session_id: sessionId })).json, ack)
  assert.deepEqual((await post(session, { ...keepalive, session_id: sessionId })).json, ack)
  assert.deepEqual((await post(session, { ...keepalive, session_id: null })).json, ack)
  const hangup = { janus: 'hangup', transaction: 't' }
  const success = { janus: 'success', session_id: sessionId, transaction: 't' }
  assert.deepEqual((await post(handle, hangup)).json, success)
  assert.deepEqual((await post(session, { ...hangup, handle_id: handleId })).json, success)
  assert.deepEqual((await post('', { ...hangup, session_id: sessionId, handle_id: handleId })).json, success)
  assert.match(errorOf((await post(session, hangup)).json), /^457/)
})

test('J-017 ids of path and body in conflict: 457 without transaction', async () => {
  const { post, attached } = await start()
  const { session, handle, sessionId } = await attached()
  const keepalive = { janus: 'keepalive', transaction: 't' }
  const conflict = (what: string) => ({
    janus: 'error',
    error: { code: 457, reason: `Conflicting ${what} ID (payload and path)` },
  })
  assert.deepEqual((await post(session, { ...keepalive, session_id: 7 })).json, conflict('session'))
  assert.deepEqual((await post(handle, { ...keepalive, handle_id: 7 })).json, conflict('handle'))
  assert.equal((await post(handle, { ...keepalive, session_id: sessionId })).json.janus, 'ack')
})

test('J-018 J-019 info and ping by GET only', async () => {
  const { get, post } = await start()
  const info = (await get('/info')).json
  assert.deepEqual([info.janus, info.name, String(info.transaction).length], ['server_info', 'rostra', 11])
  const pong = (await get('/ping')).json
  assert.deepEqual([Object.keys(pong), pong.janus], [['janus', 'transaction'], 'pong'])
  for (const path of ['/info', '/ping']) {
    const wrong = await post(path, { janus: 'info', transaction: 't' })
    assert.deepEqual([wrong.status, wrong.text], [400, ''])
  }
})

test('J-020 paths that are none, and sessions that there are not: 404, empty', async () => {
  const { get, post, listener, create } = await start()
  const id = await create()
  const paths = [
    '',
    '/',
    '/0',
    '/abc',
    '/-1',
    '/1.5',
    '/1e3',
    '/12345',
    `/${id}/0/x`,
    `/${id}/x`,
    '/9007199254740993',
    '//',
  ]
  for (const path of paths) {
    const { status, text } = await get(path)
    assert.deepEqual([status, text], [404, ''], path)
  }
  for (const path of ['/a/b/c', '/abc', '/0']) assert.equal((await post(path, '{}')).status, 404)
  for (const path of ['/', '/foo', '/janusx']) assert.equal((await fetch(listener.url + path)).status, 404)
})

test('J-021 GET on a handle: to the session', async () => {
  const { get, attached } = await start()
  const { session, handle } = await attached()
  const { status, headers, text } = await get(handle)
  assert.deepEqual([status, headers.get('location'), text], [302, `/janus${session}`, ''])
})

test('J-022 CORS headers are on every answer; OPTIONS says what was asked for', async () => {
  const { get, post, create } = await start({ holdMs: 1 })
  const id = await create()
  const answers = [
    await get('/info'),
    await get('/nothing'),
    await get(`/${id}`),
    await get(`/${id}/1`),
    await post('', 'zz'),
    await post('/info', '{}'),
    await post(`/${id}`, { janus: 'keepalive', transaction: 't' }),
  ]
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 404, 302, 400]))
  for (const { headers } of answers) {
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-max-age'), '86400')
    assert.equal(headers.get('access-control-allow-credentials'), null)
  }
  const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-y' }
  for (const path of ['', '/1', '/a/b/c']) {
    const options = await get(path, { method: 'OPTIONS', headers: asked })
    assert.deepEqual([options.status, options.text], [200, ''])
    assert.equal(options.headers.get('connection'), 'keep-alive', 'a preflight costs no connection')
    assert.equal(options.headers.get('access-control-allow-methods'), 'POST')
    assert.equal(options.headers.get('access-control-allow-headers'), 'content-type,x-y')
  }
})

test('J-022 one allowed origin: named, with credentials; others are refused only if that is wished', async () => {
  const allowOrigin = 'https://example.com'
  const lax = await start({ cors: { allowOrigin, enforce: false } })
  const answer = await lax.get('/ping', { headers: { origin: 'https://other.example' } })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('access-control-allow-origin'), allowOrigin)
  assert.equal(answer.headers.get('access-control-allow-credentials'), 'true')
  assert.equal(answer.headers.get('vary'), 'Origin')

  const strict = await start({ cors: { allowOrigin, enforce: true } })
  const statusFor = async (headers: Record<string, string>) => (await strict.get('/ping', { headers })).status
  assert.equal(await statusFor({}), 200)
  assert.equal(await statusFor({ origin: allowOrigin }), 200)
  assert.equal(await statusFor({ referer: `${allowOrigin}/page?x` }), 200)
  const others = ['https://other.example', 'https://example.com.evil.example', 'http://example.com', 'null', '']
  for (const origin of others) assert.equal(await statusFor({ origin }), 403, origin)
  for (const referer of ['https://example.com.evil.example/', 'rubbish'])
    assert.equal(await statusFor({ referer }), 403)
  const refused = await strict.get('/ping', { headers: { origin: 'https://other.example' } })
  assert.deepEqual([refused.text, refused.headers.get('access-control-allow-origin')], ['', allowOrigin])
})

test('J-023 other methods: 450 in a 200', async () => {
  const { get } = await start()
  for (const method of ['DELETE', 'PUT', 'PATCH', 'PROPFIND']) {
    const body = method === 'DELETE' ? {} : { body: '{"janus":"ping","transaction":"t"}' }
    for (const path of ['', '/info', '/1/2']) {
      const answer = await get(path, { method, ...body })
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.json, { janus: 'error', error: { code: 450, reason: `Unsupported method ${method}` } })
    }
  }
  const head = await get('', { method: 'HEAD' })
  assert.deepEqual([head.status, head.text, head.headers.get('content-type')], [200, '', 'application/json'])
})

test('J-024 JSON that is none: 454, that is no object: 455, nothing: 400; never a transaction', async () => {
  const { post } = await start()
  const cases: [string, number, string][] = [
    ['zz', 454, "JSON error: on line 1: '[' or '{' expected near 'zz'"],
    ['{"janus":"ping"', 454, 'JSON error: on line 1: premature end of input near end of file'],
    ['\n\n{"janus":"ping","transaction":"t"}\nx', 454, "JSON error: on line 4: end of file expected near 'x'"],
    ['{}{}', 454, "JSON error: on line 1: end of file expected near '{'"],
    [' ', 454, "JSON error: on line 1: '[' or '{' expected near end of file"],
    ['[]', 455, 'JSON error: not an object'],
    ['[{"janus":"ping","transaction":"t"}]', 455, 'JSON error: not an object'],
  ]
  for (const [body, code, reason] of cases) {
    const answer = await post('', body)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json, { janus: 'error', error: { code, reason } }, body)
  }
  const deep = '['.repeat(100_000)
  assert.match(errorOf((await post('', deep)).json), /^454 .*maximum parsing depth reached/)
  const empty = await post('', '')
  assert.deepEqual([empty.status, empty.text], [400, ''])
})

test('a page that unloads sends text/plain; a body may come in chunks, and be no UTF-8', async () => {
  const server = await start()
  const { gateway, post, create, get } = server
  const id = await create()
  const destroyed = await post(`/${id}`, { janus: 'destroy', transaction: 't' }, 'text/plain;charset=UTF-8')
  assert.equal(destroyed.json.janus, 'success')
  assert.equal(gateway.live().sessions, 0)
  const body = new Blob([new Uint8Array([0x7b, 0xff, 0x7d])])
  assert.equal((await get('', { method: 'POST', body })).json.error?.code, 454)
  const head = 'POST /janus HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
  const chunks = ['{"janus":"pi', 'ng","transaction":"t"}']
  const text = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
  assert.match(await raw(server, `${head}${text}0\r\n\r\n`), /\{"janus":"pong","transaction":"t"\}$/)
})

test('the query of the URL reaches the plugin: of the attach, else of the create', async () => {
  const { post, create, plugin } = await start()
  const session = await create('?profile=upstream')
  const attach = { janus: 'attach', transaction: 'a', plugin: 'janus.plugin.fake' }
  await post(`/${session}`, attach)
  await post(`/${session}?profile=documented`, attach)
  await post(`/${await create()}`, attach)
  const profiles = plugin.handles.map(({ port }) => port.query.get('profile'))
  assert.deepEqual(profiles, ['upstream', 'documented', null])
})

test('J-014 J-097 claim from HTTP to WebSocket and back: events go where the session is', async () => {
  const { post, get, attached, plugin, listener, clock } = await start({ holdMs: 60_000 })
  const { session, sessionId } = await attached()
  const port = plugin.handles[0]!.port
  const held = get(session)
  port.push({ n: 1 })
  assert.equal((await held).json.janus, 'event')

  const socket = new WebSocket(listener.url.replace('http', 'ws'), 'janus-protocol')
  const received: Record<string, unknown>[] = []
  let wake = () => {}
  socket.on('message', (text) => {
    received.push(JSON.parse(String(text)))
    wake()
  })
  const next = async (count: number) => {
    while (received.length < count) await new Promise<void>((resolve) => (wake = resolve))
    return received[count - 1]!
  }
  await once(socket, 'open')
  const waiting = get(`${session}?maxev=5`)
  port.push({ n: 'lost or fetched' })
  assert.equal((await waiting).events.length, 1)
  port.push({ n: 'lost' })
  const claim = { janus: 'claim', transaction: 'c', session_id: sessionId }
  socket.send(JSON.stringify(claim))
  assert.deepEqual(await next(1), { janus: 'success', session_id: sessionId, transaction: 'c' })
  port.push({ n: 2 })
  assert.deepEqual((await next(2)).plugindata, { plugin: 'janus.plugin.fake', data: { n: 2 } })
  assert.equal((await get(session)).status, 404)

  const reply = await post(session, { janus: 'claim', transaction: 'c' })
  assert.deepEqual(reply.json, { janus: 'success', session_id: sessionId, transaction: 'c' })
  socket.close()
  await once(socket, 'close')
  port.push({ n: 3 })
  const { plugindata } = (await get(session)).json
  assert.deepEqual(plugindata, { plugin: 'janus.plugin.fake', data: { n: 3 } })
  assert.equal(received.length, 2)
  assert.ok(clock.timers > 0, 'the session lives')
})

test('J-031 J-100 a poll needs the secret or a token in its query: 403, before the session is looked up', async () => {
  const auth = apiAuth({ secret: 's', tokens: 'stored' })
  auth.storedTokens?.add('t', ['janus.plugin.fake'])
  const { get, post } = await start({ holdMs: 1 }, { auth })
  const created = await post('', { janus: 'create', transaction: 'c', apisecret: 's' })
  const path = `/${(created.json.data as { id: number }).id}`
  for (const query of ['', '?apisecret=x', '?token=s', '?apisecret=']) {
    for (const each of [path, '/12345']) {
      const { status, text } = await get(each + query)
      assert.deepEqual([status, text], [403, ''], each + query)
    }
  }
  assert.equal((await get(`${path}?apisecret=s`)).json.janus, 'keepalive')
  assert.equal((await get(`${path}?token=t&maxev=3`)).events[0]!.janus, 'keepalive')
  assert.equal((await get('/12345?token=t')).status, 404)
  assert.equal((await get('/info')).json.janus, 'server_info')
  assert.match(errorOf((await post(path, { janus: 'keepalive', transaction: 't' })).json), /^403/)
})

test('J-039 draining: create is 472 over HTTP too, and sessions go on', async () => {
  const { gateway, post, create } = await start()
  const id = await create()
  gateway.acceptNewSessions(false)
  assert.match(errorOf((await post('', { janus: 'create', transaction: 't' })).json), /^472/)
  assert.equal((await post(`/${id}`, { janus: 'keepalive', transaction: 't' })).json.janus, 'ack')
})

test('H-41 wrong types for every field, in path and body: an answer of the API each time, and no bug', async () => {
  const { post, attached, log, get } = await start()
  const { handle, sessionId, handleId } = await attached()
  const ids = { session_id: sessionId, handle_id: handleId }
  const jsep = { type: 'answer', sdp: 'v=0' }
  const full = { transaction: 't', plugin: 'janus.plugin.fake', opaque_id: 'o', id: 1, body: {}, jsep, candidate: null }
  const wrong = [null, -1, 1.5, 'x', [], {}]
  const verbs = ['message', 'trickle', 'attach', 'claim', 'info', 'create', 'nothing', '', '__proto__']
  const kinds = new Set(['ack', 'success', 'error', 'server_info', 'pong'])
  for (const path of ['', handle]) {
    for (const janus of verbs) {
      for (const field of [...Object.keys({ ...full, ...ids }), 'janus']) {
        const bodies = wrong.map((value) => ({ ...full, ...(path === '' && ids), janus, [field]: value }))
        const answers = await Promise.all(bodies.map((body) => post(path, body)))
        for (const { status, json } of answers) {
          assert.equal(status, 200)
          assert.ok(kinds.has(json.janus), json.janus)
          if (json.janus === 'error') assert.ok(json.error!.code >= 403 && json.error!.reason.length > 0)
        }
      }
    }
  }
  assert.deepEqual(
    log.lines.filter((line) => line.startsWith('error')),
    [],
  )
  assert.equal((await get('/ping')).json.janus, 'pong')
})

test('H-41 a body of 64 MiB is refused before it is read', async () => {
  const server = await start()
  const head = `POST /janus HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`
  assert.match(await raw(server, head), /^HTTP\/1\.1 413 /)
})

test('H-41 a GET with a body is refused, since the body would be kept for as long as the poll is held', async () => {
  const server = await start()
  const poll = `GET /janus/${await server.create()} HTTP/1.1\r\nHost: x\r\n`
  for (const header of ['Content-Length: 1', 'Transfer-Encoding: chunked']) {
    const answer = await raw(server, `${poll}${header}\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*connection: close/i)
    assert.equal(server.rest.polls.live, 0)
  }
  const none = 'GET /janus/ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
  assert.match(await raw(server, none), /^HTTP\/1\.1 200 /)
})

test('H-43 ids of others: what does not exist looks the same, whatever is asked', async () => {
  const { post, get, attached } = await start()
  const { session, sessionId } = await attached()
  const near = sessionId === Number.MAX_SAFE_INTEGER ? sessionId - 1 : sessionId + 1
  assert.equal((await get(`/${near}`)).status, 404)
  const asked = await post(`/${near}`, { janus: 'claim', transaction: 't' })
  assert.equal(errorOf(asked.json), `458 No such session ${near}`)
  assert.match(
    errorOf((await post(`${session}/1`, { janus: 'detach', transaction: 't' })).json),
    /^459 No such handle 1 /,
  )
})
