/** The WebSocket transport under stress, over real sockets; its behaviours in peace are in `janus-api.test.ts`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, test } from 'node:test'
import { WebSocket } from 'ws'
import { createGateway, type Gateway } from '../../src/janus/gateway.js'
import { SharedData } from '../../src/janus/plugin.js'
import { facts, RecordingLog } from '../../src/janus/testing/client.js'
import { FakePlugin } from '../../src/janus/testing/fake-plugin.js'
import { createHttpListener, type HttpListener } from '../../src/janus/transports/http.js'
import {
  createWebSocketTransport,
  type WebSocketTransport,
  type WebSocketTransportOptions,
} from '../../src/janus/transports/websocket.js'
import { type Message, refusal, Wire } from '../support/wire.js'

interface Server {
  readonly gateway: Gateway
  readonly plugin: FakePlugin
  readonly sockets: WebSocketTransport
  readonly listener: HttpListener
  readonly log: RecordingLog
  readonly url: string
}

const servers: Server[] = []
const clients: WebSocket[] = []

async function start(options: Partial<WebSocketTransportOptions> = {}): Promise<Server> {
  const plugin = new FakePlugin()
  const log = new RecordingLog()
  const gateway = createGateway({ plugins: [plugin], facts, log })
  const sockets = createWebSocketTransport({ gateway, log, ...options })
  const upgrade = sockets.upgrade.bind(sockets)
  const listener = await createHttpListener({ host: '127.0.0.1', port: 0, routes: [], upgrade, log })
  const server = { gateway, plugin, sockets, listener, log, url: listener.url.replace('http', 'ws') }
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  for (const { sockets, gateway, listener } of servers.splice(0)) {
    await sockets.close()
    gateway.close()
    await listener.close()
    assert.equal(sockets.live(), 0)
    assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
  }
})

async function open(url: string): Promise<Wire> {
  const wire = await Wire.open(url)
  clients.push(wire.socket)
  return wire
}

const create = async (wire: Wire) => (await wire.request('create')).data!.id

const attach = async (wire: Wire, session_id: number) =>
  (await wire.request('attach', { session_id, plugin: 'janus.plugin.fake' })).data!.id

test('J-005 any path works; its query reaches the plugin', async () => {
  const { url, plugin } = await start()
  const client = await open(`${url}/x/y?profile=upstream&z`)
  await attach(client, await create(client))
  assert.equal(plugin.handles[0]!.port.query.get('profile'), 'upstream')
})

test('what is not JSON behind a document is 454, after the answer to the document', async () => {
  const { url } = await start()
  const client = await open(url)
  const ping = (transaction: string) => JSON.stringify({ janus: 'ping', transaction })
  client.send(`${ping('1')}\n${ping('2')}\n nonsense`)
  for (const transaction of ['1', '2']) assert.equal((await client.next()).transaction, transaction)
  assert.equal((await client.next()).error!.code, 454)
})

test('bad JSON and empty messages are 454 without transaction; the socket lives', async () => {
  const { url } = await start()
  const client = await open(url)
  const notJson = "Invalid Janus API request - <string>(1,3): '[' or '{' expected near 'not'"
  assert.deepEqual(await client.ask('not json'), { janus: 'error', error: { code: 454, reason: notJson } })
  for (const text of ['', ' ', '{', '"x"', '{"janus":}', '\ufeff{}']) {
    assert.equal((await client.ask(text)).error!.code, 454, text)
  }
  client.socket.send(Buffer.from([0x7b, 0xff, 0x7d]))
  assert.equal((await client.next()).error!.code, 454)
  assert.equal((await client.ask('[]')).error!.reason, 'Missing mandatory element (transaction)')
  await client.ping()
})

test('H-41 10,000 messages on one socket: all answered, and another socket is served meanwhile', async () => {
  const { url } = await start()
  const [flood, other] = [await open(url), await open(url)]
  const count = 10_000
  for (let i = 0; i < count; i++) flood.send({ janus: 'ping', transaction: `${i}` })
  let rounds = 0
  let mostMeanwhile = 0
  while (flood.received.length < count) {
    const before = flood.received.length
    await other.ping()
    mostMeanwhile = Math.max(mostMeanwhile, flood.received.length - before)
    rounds++
  }
  // Counted, not timed: a turn of the event loop serves either some dozens of the flood, or the other socket.
  assert.ok(mostMeanwhile <= 1000, `${mostMeanwhile} before the other socket`)
  assert.ok(rounds >= 10, `${rounds} rounds`)
  assert.deepEqual(flood.received.at(-1)!, { janus: 'pong', transaction: `${count - 1}` })
})

test('H-41 many documents in one message are answered without blocking others', async () => {
  const { url } = await start()
  const [flood, other] = [await open(url), await open(url)]
  const count = 20_000
  flood.send('{}'.repeat(count))
  let rounds = 0
  for (; flood.received.length < count; rounds++) await other.ping()
  assert.ok(rounds > 3, `${rounds} rounds`)
  assert.equal(flood.received.at(-1)!.error!.code, 456)
})

test('H-41 messages to a plugin at once: every one is acked and answered, in order', async () => {
  const { url } = await start()
  const client = await open(url)
  const sessionId = await create(client)
  const ids = { session_id: sessionId, handle_id: await attach(client, sessionId) }
  const count = 2000
  for (let i = 0; i < count; i++) client.send({ janus: 'message', transaction: `${i}`, ...ids, body: { i } })
  const events: string[] = []
  const acks: string[] = []
  while (events.length < count) {
    const { janus, transaction } = await client.next()
    const list = janus === 'ack' ? acks : events
    list.push(String(transaction))
    assert.ok(acks.length >= events.length, 'ack before event')
  }
  const order = Array.from({ length: count }, (_, i) => `${i}`)
  assert.deepEqual([acks, events], [order, order])
})

test('H-41 a frame of 64 MiB closes its socket with 1009; others go on', async () => {
  const { url, gateway } = await start()
  const [big, other] = [await open(url), await open(url)]
  await create(big)
  const code = big.closed()
  big.socket.on('error', () => {})
  big.socket.send(Buffer.alloc(64 * 1024 * 1024), () => {})
  await other.ping()
  // 1009 gets lost when the kernel resets a connection that still has bytes to read.
  assert.ok([1009, 1006].includes(await code))
  await other.ping()
  assert.equal(gateway.live().sessions, 0)
})

test('H-41 a client that announces too much hears 1009 before it sent any of it', async () => {
  const { listener } = await start()
  const key = 'AAAAAAAAAAAAAAAAAAAAAA=='
  const socket = connect(listener.port, '127.0.0.1')
  const lines = ['GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const own = [`Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Protocol: janus-protocol', '', '']
  socket.write([...lines, ...own].join('\r\n'))
  await once(socket, 'data')
  //                       FIN+text  masked, 64-bit length  64 MiB, mask of 4 bytes
  socket.write(Buffer.from('81' + 'ff' + '0000000004000000' + '00000000', 'hex'))
  const [frame] = (await once(socket, 'data')) as [Buffer]
  assert.equal(frame[0], 0x88)
  assert.equal(frame.readUInt16BE(2), 1009)
  socket.destroy()
})

test('H-41 JSON nested 100,000 deep is 454', async () => {
  const { url } = await start()
  const client = await open(url)
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  for (const text of [deep, `{"janus":"ping","transaction":"t","x":${deep}}`, '{"a":'.repeat(100_000)]) {
    const reply = await client.ask(text)
    assert.equal(reply.error!.code, 454)
    assert.match(reply.error!.reason, /maximum parsing depth reached/)
  }
  await client.ping()
})

test('H-41 wrong types for every field and unknown verbs: a clear error each time, never silence', async () => {
  const { url, log } = await start()
  const client = await open(url)
  const sessionId = await create(client)
  const ids = { session_id: sessionId, handle_id: await attach(client, sessionId) }
  const base = { transaction: 't', ...ids, plugin: 'janus.plugin.fake', opaque_id: 'o', loop_index: 0, id: 1 }
  const jsep = { type: 'answer', sdp: 'v=0', trickle: true, rid_order: 'hml', force_relay: false, e2ee: false }
  const full = { ...base, body: {}, jsep, candidate: { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 } }
  const wrong = [null, -1, 1.5, 1e300, '', 'x', true, [], {}, [[]], { a: 1 }]
  const verbs = ['message', 'trickle', 'attach', 'claim', 'info', 'create', 'nothing', '', '__proto__', 'toString']
  const allowed = new Set(['ack', 'success', 'error', 'server_info', 'pong', 'event'])
  for (const janus of verbs) {
    for (const field of [...Object.keys(full), 'janus']) {
      for (const value of wrong) {
        const transaction = `${janus}/${field}`
        client.send({ janus, ...full, transaction, [field]: value })
      }
    }
  }
  const replies = verbs.length * (Object.keys(full).length + 1) * wrong.length
  for (let i = 0; i < replies; i++) {
    const reply = await client.next()
    assert.ok(allowed.has(reply.janus), reply.janus)
    if (reply.janus === 'error') {
      assert.ok(Number.isInteger(reply.error!.code) && reply.error!.reason.length > 0)
    }
    // Events come on top of the replies.
    if (reply.janus === 'event') i--
  }
  assert.ok(!log.lines.some((line) => line.startsWith('error')))
  await client.ping()
})

test('H-42 a client that does not read is cut off; its session ends, others are unaffected', async () => {
  const { url, gateway, plugin, log } = await start()
  const [slow, other] = [await open(url), await open(url)]
  await attach(slow, await create(slow))
  const handle = plugin.handles[0]!
  slow.socket.pause()
  let gone = false
  const told = new Promise<void>((resolve) => {
    handle.detached = () => {
      gone = true
      resolve()
    }
  })
  const data = { pad: 'x'.repeat(64 * 1024) }
  let sent = 0
  for (; !gone && sent < 2000; sent++) {
    handle.port.push(data)
    if (sent % 16 === 0) await other.ping()
  }
  await told
  // 8 MiB of ours and what the kernel takes.
  assert.ok(sent < 1000, `${sent} messages`)
  assert.ok(log.lines.includes('warn: a client reads too slowly: cut off'))
  assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
  await other.ping()
})

test('H-42 a client that asks but does not read is not served until it does, and loses nothing', async () => {
  const limits = { pauseAboveBytes: 64 * 1024 }
  const { url, log } = await start({ limits })
  const client = await open(url)
  client.socket.pause()
  const count = 20_000
  const pad = 'x'.repeat(500)
  for (let i = 0; i < count; i++) client.send({ janus: 'ping', transaction: `${i}${pad}` })
  const other = await open(url)
  for (let i = 0; i < 50; i++) await other.ping()
  client.socket.resume()
  for (let i = 0; i < count; i++) assert.equal((await client.next()).transaction, `${i}${pad}`)
  assert.deepEqual(log.lines, [])
})

test('a peer that gives no sign of life is cut off; one that answers pings stays', async () => {
  const { url, sockets } = await start({ heartbeatMs: 50 })
  const alive = await open(url)
  const dead = new WebSocket(url, 'janus-protocol', { autoPong: false })
  clients.push(dead)
  await once(dead, 'open')
  assert.equal(sockets.live(), 2)
  assert.equal((await once(dead, 'close'))[0], 1006)
  for (let i = 0; i < 3; i++) await once(alive.socket, 'ping')
  await alive.ping()
  assert.equal(sockets.live(), 1)
})

test('H-65 close ends sockets with 1012, also those that do not answer, and takes no new ones', async () => {
  const { url, sockets, gateway } = await start({ closeTimeoutMs: 100 })
  const [client, stuck] = [await open(url), await open(url)]
  await create(client)
  stuck.socket.pause()
  const code = client.closed()
  await Promise.all([sockets.close(), sockets.close()])
  assert.equal(await code, 1012)
  assert.equal(sockets.live(), 0)
  assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
  assert.equal(await refusal(url, ['janus-protocol']), 503)
})

test('more sockets than allowed are refused with 503', async () => {
  const { url } = await start({ limits: { connections: 1 } })
  const client = await open(url)
  assert.equal(await refusal(url, ['janus-protocol']), 503)
  await client.ping()
})

test('a bug behind one socket closes that socket only', async () => {
  const { url, gateway, log } = await start()
  const [a, b] = [await open(url), await open(url)]
  const handle = gateway.handle
  gateway.handle = (message, connection, bytes) => {
    if ((message as Message).janus === 'boom') throw new Error('a bug')
    return handle.call(gateway, message, connection, bytes)
  }
  const code = a.closed()
  a.send({ janus: 'boom' })
  assert.equal(await code, 1011)
  assert.deepEqual(log.lines, ['error: a request made the gateway throw: this is a bug'])
  await b.ping()
})

test('a turn of the event loop that takes long keeps nothing back', async () => {
  const { url, plugin } = await start()
  const [speaker, listener] = [await open(url), await open(url)]
  const session = await create(speaker)
  const handle = await attach(speaker, session)
  await attach(listener, await create(listener))
  plugin.handles[0]!.respond = () => {
    const until = performance.now() + 80
    while (performance.now() < until);
    plugin.handles[1]!.port.push(new SharedData({ event: 'grüße' }))
    return { data: {} }
  }
  speaker.send({ janus: 'message', transaction: 'm', session_id: session, handle_id: handle, body: {} })
  const { plugindata } = await listener.next()
  assert.deepEqual(plugindata, { plugin: 'janus.plugin.fake', data: { event: 'grüße' } })
  assert.equal((await speaker.next()).janus, 'ack')
  assert.equal((await speaker.next()).janus, 'event')
})
