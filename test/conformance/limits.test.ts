/** What clients may take from a server as it is started, and its listeners: each limit is a flag, told and counted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients } from '../support/media-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { Wire } from '../support/wire.js'

async function refusals(server: ServerProcess): Promise<Record<string, number>> {
  const found = (await server.metrics()).matchAll(/^rostra_refused_total\{reason="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...found].map(([, reason, count]) => [reason, Number(count)]).filter(([, count]) => count))
}

const post = (url: string, message: object) =>
  fetch(url, { method: 'POST', body: JSON.stringify({ transaction: 't', ...message }) })

const errorOf = ({ error }: { error?: { code: number } }) => error?.code

test('H-41 limits of sockets, sessions, handles, sizes and polls, each a flag and each counted', async (t) => {
  const limits = {
    sockets: 3,
    'sockets-per-address': 2,
    sessions: 3,
    'sessions-per-socket': 2,
    'handles-per-session': 1,
    'message-bytes': 65_536,
    'polls-per-address': 1,
  }
  const flags = Object.entries(limits).flatMap(([name, most]) => [`--max-${name}`, `${most}`])
  const server = await startServer(['--workers', '1', '--trusted-proxy', '127.0.0.1', ...flags])
  t.after(() => server.stop())
  const status = async (headers: Record<string, string> = {}) => {
    const socket = new WebSocket(server.webSocketUrl, 'janus-protocol', { headers })
    t.after(() => socket.terminate())
    socket.on('error', () => {})
    const opened = once(socket, 'open').then(() => 101)
    const refused = once(socket, 'unexpected-response').then(([, response]) => response.statusCode)
    return Promise.race([opened, refused])
  }
  const wire = await Wire.open(server.webSocketUrl)
  t.after(() => wire.close())
  assert.equal(await status(), 101)
  assert.equal(await status(), 429)
  assert.equal(await status({ 'x-forwarded-for': '192.0.2.7' }), 101)
  assert.equal(await status({ 'x-forwarded-for': '192.0.2.8' }), 503)

  const session = (await wire.request('create')).data!.id
  await wire.request('create')
  assert.equal(errorOf(await wire.request('create')), 472)
  const attach = () => wire.request('attach', { session_id: session, plugin: 'janus.plugin.sfu' })
  assert.equal((await attach()).janus, 'success')
  assert.equal(errorOf(await attach()), 461)

  const url = `${server.url}/janus`
  const created = await (await post(url, { janus: 'create' })).json()
  assert.equal(errorOf(await (await post(url, { janus: 'create' })).json()), 472)
  assert.equal((await post(url, { janus: 'ping', pad: 'x'.repeat(65_536) })).status, 413)
  const held = fetch(`${url}/${created.data.id}`)
  while ((await server.live()).polls !== 1) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal((await fetch(`${url}/${created.data.id}`)).status, 429)
  await post(`${url}/${created.data.id}`, { janus: 'destroy' })
  assert.equal((await (await held).json()).janus, 'keepalive')

  assert.deepEqual(await refusals(server), {
    sockets: 1,
    sockets_of_address: 1,
    sessions: 1,
    sessions_of_client: 1,
    handles: 1,
    message_size: 1,
    polls_of_address: 1,
  })
})

test('limits of rooms, users, bodies and PeerConnections: each a flag, told to the client and counted', async (t) => {
  const flags = ['--max-room-size', '1', '--max-ccu', '2', '--max-data-body', '10', '--max-peer-connections', '1']
  const server = await startServer(['--workers', '1', ...flags])
  t.after(() => server.stop())
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(() => janus.close())
  await janus.create()
  const joined = async (room_id: string, user_id: string) => {
    const handle = await janus.attach()
    return { handle, data: (await handle.message({ kind: 'join', room_id, user_id })).plugindata!.data }
  }
  const codeOf = (data: Record<string, unknown>) => (data.error as { code: string } | undefined)?.code
  const { handle } = await joined('one', 'ann')
  assert.equal(codeOf((await joined('one', 'bob')).data), 'room_full')
  const dee = await joined('two', 'dee')
  assert.equal(codeOf(dee.data), undefined)
  assert.equal(codeOf((await joined('three', 'eve')).data), 'server_full')
  const { plugindata } = await handle.message({ kind: 'data', body: 'x'.repeat(11) })
  assert.equal(codeOf(plugindata!.data), 'body_too_large')
  const watch = async () => {
    const viewer = (await joined('two', 'dee')).handle
    return codeOf((await viewer.message({ kind: 'subscribe', media: 'dee' })).plugindata!.data)
  }
  assert.equal(await watch(), undefined)
  assert.equal(await watch(), 'too_many_peer_connections')

  const counted = (await server.metrics()).matchAll(/^rostra_messages_refused_total\{code="(\w+)"\} (\d+)$/gm)
  const counts = [...counted].map(([, code, count]) => [code, Number(count)]).filter(([, count]) => count)
  const expected = { room_full: 1, server_full: 1, body_too_large: 1, too_many_peer_connections: 1 }
  assert.deepEqual(Object.fromEntries(counts), expected)
})

test('H-41 PeerConnections of one address, and H-42 what waits for all clients: each a flag, and each counted', async (t) => {
  const flags = ['--max-peer-connections-per-address', '2', '--max-unsent-bytes-total', String(1024 * 1024)]
  const server = await startServer(['--workers', '1', '--trusted-proxy', '127.0.0.1', ...flags])
  const clients = new MediaClients()
  t.after(async () => {
    await clients.close()
    await server.stop()
  })
  const attached = async (address: string) => {
    const janus = await JanusSocket.open(server.webSocketUrl, { headers: { 'x-forwarded-for': address } })
    t.after(() => janus.socket.terminate())
    await janus.create()
    return janus.attach()
  }
  const publish = async (address: string) => {
    const handle = await attached(address)
    const { plugindata } = await handle.message({}, { type: 'offer', sdp: clients.peer().offer({ audio: 1 }) })
    return plugindata!.data.error?.code
  }
  const outcomes = []
  for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2']) outcomes.push(await publish(address))
  assert.deepEqual(outcomes, [undefined, undefined, 'too_many_peer_connections', undefined])

  const [slow, talker, reader] = [await attached('192.0.2.1'), await attached('192.0.2.2'), await attached('192.0.2.3')]
  for (const [handle, user_id] of [[slow, 'slow'] as const, [talker, 'talker'] as const, [reader, 'reader'] as const])
    await handle.message({ kind: 'join', room_id: 'room', user_id, subscribe: { data: true, notifications: true } })
  slow.janus.socket.pause()
  const left = reader.janus.next(({ plugindata }) => plugindata?.data.event === 'leave', 20_000)
  let sent = 0
  let isOver = false
  void left.then(() => (isOver = true))
  // The kernel takes some megabytes before anything waits.
  for (; !isOver && sent < 1000; sent++) await talker.message({ kind: 'data', body: 'x'.repeat(60_000) })
  assert.equal((await left).plugindata!.data.user_id, 'slow')
  while (reader.events('data').length < sent) await reader.next('event')
  assert.deepEqual(await refusals(server), { unsent_bytes: 1 })
})

test('H-41 10,000 messages on one socket are slowed down to --max-message-rate; another is served meanwhile', async (t) => {
  const server = await startServer(['--workers', '1', '--max-message-rate', '1500'])
  t.after(() => server.stop())
  const [flood, other] = [await Wire.open(server.webSocketUrl), await Wire.open(server.webSocketUrl)]
  t.after(() => Promise.all([flood.close(), other.close()]))
  const start = performance.now()
  for (let i = 0; i < 10_000; i++) flood.send({ janus: 'ping', transaction: `${i}` })
  const last = flood.seek(0, ({ transaction }) => transaction === '9999', 30_000)
  assert.equal((await other.request('ping')).janus, 'pong')
  assert.ok(flood.received.length < 10_000)
  await last
  // 6,000 at once, and 4,000 at 1,500 a second.
  assert.ok(performance.now() - start >= 2600)
  assert.ok((await refusals(server)).message_rate! > 0)
})

test('SIGHUP changes the limits: for sockets, sessions, messages and polls that come from then on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-limits-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'rostra.toml')
  const write = (count: number, bytes: number) => {
    const names = ['max-sockets', 'max-sessions-per-socket', 'max-handles-per-session', 'max-polls-per-address']
    writeFileSync(file, [...names.map((name) => `${name} = ${count}`), `max-message-bytes = ${bytes}`].join('\n'))
  }
  write(1, 100_000)
  const server = await startServer(['--workers', '1', '--config', file])
  t.after(() => server.stop())
  const first = await Wire.open(server.webSocketUrl)
  t.after(() => first.close())
  const session_id = (await first.request('create')).data!.id
  const attach = () => first.request('attach', { session_id, plugin: 'janus.plugin.sfu' })
  const outcomes = async () => [
    errorOf(await first.request('create')),
    errorOf(await attach()),
    (await post(`${server.url}/janus`, { janus: 'ping', pad: 'x'.repeat(150_000) })).status,
  ]
  await attach()
  assert.deepEqual(await outcomes(), [472, 461, 413])
  await assert.rejects(Wire.open(server.webSocketUrl))
  write(2, 200_000)
  await server.reload()
  assert.deepEqual(await outcomes(), [undefined, undefined, 200])
  const second = await Wire.open(server.webSocketUrl)
  t.after(() => second.close())
  assert.equal((await second.request('ping', { pad: 'x'.repeat(150_000) })).janus, 'pong')
})

test('--http-port: the Janus API over HTTP on a port of its own, and nothing else there', async (t) => {
  const server = await startServer(['--workers', '1', '--http-port', '0'])
  t.after(() => server.stop())
  const base = String(server.listening.http)
  assert.notEqual(base, server.url)
  const { id } = (await (await post(`${base}/janus`, { janus: 'create' })).json()).data
  // Both ports lead to the same sessions.
  const reply = await (await post(`${server.url}/janus/${id}`, { janus: 'keepalive' })).json()
  assert.equal(reply.janus, 'ack')
  const info = await (await fetch(`${base}/janus/info`)).json()
  assert.deepEqual(Object.keys(info.transports).sort(), ['janus.transport.http', 'janus.transport.websockets'])
  assert.equal((await fetch(base)).status, 404)
  const socket = new WebSocket(base.replace('http', 'ws'), 'janus-protocol')
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  assert.equal(response.statusCode, 404)
  socket.terminate()
  const held = fetch(`${base}/janus/${id}`)
  while ((await server.live()).polls !== 1) await new Promise((resolve) => setTimeout(resolve, 20))
  const stopped = server.stop()
  assert.deepEqual(await (await held).json(), { janus: 'timeout', session_id: id })
  assert.equal(await stopped, 0)
})
