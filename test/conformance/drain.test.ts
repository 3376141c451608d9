/** H-65: how a server ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { eventually } from '../support/eventually.js'
import { type JanusMessage, JanusSocket } from '../support/janus-socket.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

async function session(server: ServerProcess): Promise<JanusSocket> {
  const janus = await JanusSocket.open(server.webSocketUrl)
  await janus.create()
  return janus
}

async function health(server: ServerProcess): Promise<number> {
  return (await fetch(`${String(server.listening.admin)}/health`)).status
}

/** The close code of a socket that somebody else closes. */
const closeCode = async ({ socket }: JanusSocket) => (await once(socket, 'close'))[0] as number

test('H-65 SIGTERM without drain time: sockets are closed with 1012, exit code 0', async () => {
  const server = await startServer(['--workers', '1'])
  const [a, b] = [await session(server), await session(server)]
  const codes = Promise.all([closeCode(a), closeCode(b)])
  assert.equal(await server.stop(), 0)
  assert.deepEqual(await codes, [1012, 1012])
})

test('H-65 SIGTERM with drain time: no new sessions, not ready; what is there goes on until it ends, then exit code 0', async () => {
  const server = await startServer(['--workers', '1', '--drain-time', '60'])
  const [ann, bob] = [await session(server), await session(server)]
  const handle = await ann.attach()
  assert.equal(await health(server), 200)
  const stopped = server.stop()
  await server.logged((line) => line.event === 'draining')
  assert.equal(await health(server), 503)
  const late = await JanusSocket.open(server.webSocketUrl)
  assert.equal((await late.request('create')).error?.code, 472)
  assert.equal((await bob.request('keepalive')).janus, 'ack')
  const reply = await handle.message({ kind: 'join', room_id: 'room', user_id: 'ann' })
  assert.equal(reply.plugindata?.data.success, true)
  assert.equal((await bob.request('destroy')).janus, 'success')
  assert.equal((await ann.request('keepalive')).janus, 'ack')
  const codes = Promise.all([closeCode(ann), closeCode(bob), closeCode(late)])
  assert.equal((await ann.request('destroy')).janus, 'success')
  assert.equal(await stopped, 0)
  assert.deepEqual(await codes, [1012, 1012, 1012])
})

test('H-65 sessions that are still there when the drain time is over are ended', async () => {
  const server = await startServer(['--workers', '1', '--drain-time', '0.5'])
  const janus = await session(server)
  const code = closeCode(janus)
  const before = performance.now()
  assert.equal(await server.stop(), 0)
  assert.equal(await code, 1012)
  assert.ok(performance.now() - before >= 500)
})

test('H-65 over HTTP the poll that is held gets a timeout at the end', async () => {
  const server = await startServer(['--workers', '1', '--drain-time', '0.3'])
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}/janus${path}`, { method: 'POST', body: JSON.stringify(body) })
    return (await response.json()) as JanusMessage
  }
  const { data } = await post('', { janus: 'create', transaction: 'c' })
  const poll = fetch(`${server.url}/janus/${data!.id}`)
  const stopped = server.stop()
  await server.logged((line) => line.event === 'draining')
  assert.equal((await post('', { janus: 'create', transaction: 'd' })).error?.code, 472)
  assert.equal((await post(`/${data!.id}`, { janus: 'keepalive', transaction: 'k' })).janus, 'ack')
  assert.deepEqual(await (await poll).json(), { janus: 'timeout', session_id: data!.id })
  assert.equal(await stopped, 0)
})

test('H-65 a second signal ends the drain at once', async () => {
  const server = await startServer(['--workers', '1', '--drain-time', '3600'])
  const janus = await session(server)
  const code = closeCode(janus)
  const stopped = server.stop()
  await server.logged((line) => line.event === 'draining')
  server.signal('SIGINT')
  assert.equal(await stopped, 0)
  assert.equal(await code, 1012)
})

test('H-65 nothing is left of a server that ended: no worker, no port', async () => {
  const server = await startServer(['--workers', '2'])
  await session(server)
  assert.equal(await server.stop(), 0)
  await eventually('workers are gone', () => server.workerPids.every((pid) => !isAlive(pid)))
  await assert.rejects(fetch(server.url))
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
