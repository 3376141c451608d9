/** What the transports bound, over real sockets: each refusal is told to the client, and counted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterEach, test } from 'node:test'
import { WebSocket } from 'ws'
import { Refusals } from '../refusals.js'
import { errorOf, RecordingLog } from '../testing/client.js'
import { type RestServer, startRest } from '../testing/rest-server.js'
import { startSockets as openSockets, positive, type SocketServer } from '../testing/socket-server.js'
import { connectionAddresses } from './addresses.js'
import { createHttpListener } from './http.js'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startHttp(...[options, gateway]: Parameters<typeof startRest>): Promise<RestServer & Counted> {
  const refusals = new Refusals()
  const server = await startRest({ refusals, ...options }, { refusals, ...gateway })
  closers.push(() => server.close())
  return { ...server, counted: () => positive(refusals) }
}

interface Counted {
  /** Reasons that were counted, with how often. */
  counted(): Partial<Record<string, number>>
}

async function startSockets(...options: Parameters<typeof openSockets>): Promise<SocketServer> {
  const server = await openSockets(...options)
  closers.push(() => server.close())
  return server
}

const ping = (transaction: string | number) => JSON.stringify({ janus: 'ping', transaction: String(transaction) })

test('H-41 WebSockets in all are bounded: 503, and one that closes makes room', async () => {
  const { open, refused, counted } = await startSockets({ limits: { connections: 2 } })
  const first = await open()
  await open()
  assert.equal(await refused(), 503)
  assert.deepEqual(counted(), { sockets: 1 })
  first.close()
  await once(first, 'close')
  await open()
})

test('H-41 WebSockets of one address are bounded: 429, and those of others are not', async () => {
  const { open, refused, counted, sockets } = await startSockets({ limits: { connectionsPerAddress: 1 } })
  const first = await open()
  assert.equal(await refused(), 429)
  assert.deepEqual(counted(), { sockets_of_address: 1 })
  await open('other')
  first.close()
  await once(first, 'close')
  await open()
  assert.equal(sockets.live(), 2)
})

test('H-41 a wrong subprotocol and a page of another origin are counted', async () => {
  const cors = { allowOrigin: 'https://example.com', enforce: true }
  const { listener, refused, counted } = await startSockets({ cors })
  assert.equal(await refused({ origin: 'https://other.example' }), 403)
  const good = new WebSocket(listener.url.replace('http', 'ws'), 'janus-protocol', { origin: 'https://example.com' })
  const [response] = await once(good, 'upgrade')
  assert.equal(response.headers['access-control-allow-origin'], 'https://example.com')
  const wrong = new WebSocket(listener.url.replace('http', 'ws'), 'foo')
  await once(wrong, 'unexpected-response')
  wrong.on('error', () => {}).terminate()
  assert.deepEqual(counted(), { origin: 1, subprotocol: 1 })
})

test('H-41 a socket that sends too fast is read more slowly; it loses nothing, and others are served', async () => {
  const { open, counted } = await startSockets({ limits: { messagesPerSecond: 250 } })
  const [fast, other] = [await open(), await open()]
  const received: string[] = []
  let wake = () => {}
  fast.on('message', (text) => {
    received.push(JSON.parse(String(text)).transaction)
    wake()
  })
  const count = 1200
  const start = performance.now()
  for (let i = 0; i < count; i++) fast.send(ping(i))
  while (received.length < 1000) await new Promise<void>((resolve) => (wake = resolve))
  other.send(ping('other'))
  await once(other, 'message')
  assert.ok(received.length < count, 'the other socket did not wait')
  while (received.length < count) await new Promise<void>((resolve) => (wake = resolve))
  // 1,000 at once, and 200 at 250 a second; a timer may come a millisecond early.
  assert.ok(performance.now() - start >= 790)
  assert.deepEqual(
    received,
    Array.from({ length: count }, (_, i) => `${i}`),
  )
  assert.ok(counted().message_rate! >= 1)
})

test('H-41 a socket that waits because of its rate is not taken for dead, and may close', async () => {
  const { open, sockets } = await startSockets({ limits: { messagesPerSecond: 1 }, heartbeatMs: 20 })
  const socket = await open()
  for (let i = 0; i < 10; i++) socket.send(ping(i))
  for (let i = 0; i < 4; i++) await once(socket, 'message')
  for (let i = 0; i < 5; i++) await once(socket, 'ping')
  assert.equal(sockets.live(), 1)
  socket.terminate()
  while (sockets.live() > 0) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('H-41 connections of any kind are bounded: one more is closed at once', async () => {
  let drops = 0
  const listener = await createHttpListener({
    host: '127.0.0.1',
    port: 0,
    routes: [],
    connectionsMax: 2,
    onDrop: () => drops++,
    log: new RecordingLog(),
  })
  closers.push(() => listener.close())
  const idle = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')]
  for (const socket of idle) await once(socket, 'connect')
  const third = connect(listener.port, '127.0.0.1')
  third.on('error', () => {})
  await once(third, 'close')
  assert.equal(drops, 1)
  for (const socket of idle) socket.destroy()
})

test('H-41 connections of one address are bounded, those of a proxy are not', async () => {
  let drops = 0
  const listen = async (trusted: string[]) => {
    const connectionsPerAddress = { max: 2, keyOf: connectionAddresses(trusted) }
    const shared = { host: '127.0.0.1', port: 0, routes: [], log: new RecordingLog(), onDrop: () => void drops++ }
    const listener = await createHttpListener({ ...shared, connectionsPerAddress })
    closers.push(() => listener.close())
    return async () => {
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      return socket
    }
  }
  const open = await listen([])
  const [first] = [await open(), await open()]
  await once(await open(), 'close')
  assert.equal(drops, 1)
  first.destroy()
  const answers = async () => {
    const socket = await open()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
  }
  while (!(await answers())) await new Promise(setImmediate)
  drops = 0
  const openProxied = await listen(['127.0.0.0/8'])
  for (let i = 0; i < 5; i++) await openProxied()
  assert.equal(drops, 0)
})

test('H-41 a body that is too long: 413, with and without a length, and nothing of it is read on', async () => {
  const { post, get, listener, counted } = await startHttp({ limits: { messageBytes: 1000 } })
  assert.equal((await post('', ping('x').padEnd(1000))).json.janus, 'pong')
  const long = await post('', ping('x').padEnd(1001))
  assert.deepEqual([long.status, long.text, long.headers.get('access-control-allow-origin')], [413, '', '*'])
  assert.deepEqual(counted(), { message_size: 1 })
  const chunked = connect(listener.port, '127.0.0.1')
  chunked.on('error', () => {})
  chunked.write('POST /janus HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  chunked.write(`400\r\n${' '.repeat(1024)}\r\n`)
  const [answer] = await once(chunked, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 413 [\s\S]*connection: close/i)
  await once(chunked, 'close')
  assert.deepEqual(counted(), { message_size: 2 })
  assert.equal((await get('/ping')).status, 200)
})

test('H-41 what still comes of a body that was refused is not kept while its answer waits behind a poll', async () => {
  const { create, listener, counted, gateway } = await startHttp({ limits: { messageBytes: 1000 } })
  const poll = `GET /janus/${await create()} HTTP/1.1\r\nHost: x\r\n\r\n`
  const chunked = (path: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`
  // More than Node keeps of a body that nobody reads: it would not come to what follows.
  const long = '1\r\nx\r\n'.repeat(100_000)
  const next = JSON.stringify({ janus: 'create', transaction: 't' })
  const socket = connect(listener.port, '127.0.0.1')
  closers.push(() => void socket.destroy())
  for (const [index, path] of ['/janus', '/janus/x', '/nowhere'].entries()) {
    socket.write(poll + chunked(path, long) + chunked('/janus', `${next.length.toString(16)}\r\n${next}\r\n`))
    const untilMs = performance.now() + 20_000
    while (gateway.live().sessions < index + 2) {
      assert.ok(performance.now() < untilMs, `the body sent to ${path} is not read on`)
      await new Promise(setImmediate)
    }
  }
  assert.equal(socket.bytesRead, 0, 'the poll is held')
  assert.deepEqual(counted(), { message_size: 1 })
})

/** Addresses as clients name them. */
const clientAddress = ({ headers }: IncomingMessage) => String(headers['x-address'])

/** Sends a body but for its end. */
function beginBody(listener: { readonly port: number }, address: string, bytes: number) {
  const socket = connect(listener.port, '127.0.0.1').on('error', () => {})
  socket.write(`POST /janus HTTP/1.1\r\nHost: x\r\nX-Address: ${address}\r\nContent-Length: 1000\r\n\r\n`)
  socket.write(' '.repeat(bytes))
  let said = ''
  socket.on('data', (data) => (said += data))
  /** How it was answered when it closed. */
  const answer = new Promise<string>((resolve) => socket.once('close', () => resolve(said.split('\r\n')[0]!)))
  return { socket, answer }
}

test('H-41 bodies of many addresses that never end do not keep others out: theirs are cut off with 503', async () => {
  const limits = { bodyBytes: 8000, messageBytes: 1000 }
  const { url, rest, listener, counted } = await startHttp({ limits, clientAddress })
  const post = (address: string) =>
    fetch(url, { method: 'POST', headers: { 'x-address': address }, body: ping('x').padEnd(900) })
  const held = Array.from({ length: 8 }, (_, i) => beginBody(listener, `hog ${i}`, 950))
  while (rest.receivedBytes() < 7600) await new Promise(setImmediate)
  for (let i = 0; i < 3; i++) assert.equal((await post('newcomer')).status, 200)
  assert.equal(await Promise.race(held.map(({ answer }) => answer)), 'HTTP/1.1 503 Service Unavailable')
  const cut = counted().bodies!
  assert.ok(cut >= 1 && cut <= 2, `${cut} were cut off`)
  for (const { socket } of held) socket.destroy()
  while (rest.receivedBytes() > 0) await new Promise(setImmediate)
})

test('H-41 bodies of one address leave room for those of others, and for new ones of its own', async () => {
  const limits = { bodyBytes: 16_000, messageBytes: 1000 }
  const { url, rest, listener, counted } = await startHttp({ limits, clientAddress })
  const sockets = Array.from({ length: 20 }, () => beginBody(listener, 'hog', 950).socket)
  // An eighth is two of them.
  while ((counted().bodies ?? 0) < 18) await new Promise(setImmediate)
  assert.ok(rest.receivedBytes() <= 2000, `${rest.receivedBytes()} bytes`)
  const post = async (address: string) => {
    const headers = { 'x-address': address }
    return (await fetch(url, { method: 'POST', headers, body: ping('x').padEnd(900) })).status
  }
  assert.deepEqual([await post('another'), await post('hog')], [200, 200])
  for (const socket of sockets) socket.destroy()
})

test('H-41 HTTP requests faster than they may come wait; too many that wait on one connection: 429', async () => {
  const { listener, counted, get } = await startHttp({ limits: { messagesPerSecond: 100 } })
  const socket = connect(listener.port, '127.0.0.1')
  let text = ''
  socket.on('data', (data) => (text += data))
  const answers = (status: string) => text.split(`HTTP/1.1 ${status}`).length - 1
  const start = performance.now()
  socket.write('GET /janus/ping HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(450))
  while (answers('200') + answers('429') < 400) await once(socket, 'data')
  assert.equal((await get('/ping')).status, 200)
  while (answers('200') + answers('429') < 450) await once(socket, 'data')
  assert.ok(performance.now() - start >= 490, 'fifty wait up to half a second')
  assert.equal(answers('200'), 450)
  socket.write('GET /janus/ping HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(800))
  while (answers('200') + answers('429') < 1250) await once(socket, 'data')
  assert.ok(answers('429') >= 200, `${answers('429')} refused`)
  assert.ok(counted().message_rate! >= 50)
  socket.destroy()
})

test('H-41 sessions of one address over HTTP are bounded: 472', async () => {
  const { post, create, counted } = await startHttp({}, { limits: { sessionsPerAccount: 2 } })
  const first = await create()
  await create()
  const refused = await post('', { janus: 'create', transaction: 't' })
  assert.equal(errorOf(refused.json), '472 Too many sessions of this client')
  assert.deepEqual(counted(), { sessions_of_client: 1 })
  await post(`/${first}`, { janus: 'destroy', transaction: 't' })
  await create()
})

test('H-41 messages that wait are bounded for an address, whatever number of requests brings them', async () => {
  const { post, attached, plugin, counted } = await startHttp({}, { limits: { waitingBytesPerConnection: 1000 } })
  const { handle } = await attached()
  let answer = () => {}
  plugin.handles[0]!.respond = () => new Promise((resolve) => (answer = () => resolve({ data: {} })))
  const message = { janus: 'message', transaction: 't', body: { pad: 'x'.repeat(600) } }
  assert.equal((await post(handle, message)).json.janus, 'ack')
  assert.equal(errorOf((await post(handle, message)).json), '462 Too many messages are waiting')
  assert.deepEqual(counted(), { waiting_messages: 1 })
  answer()
  await new Promise(setImmediate)
  assert.equal((await post(handle, message)).json.janus, 'ack')
  answer()
})
