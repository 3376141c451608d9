/** H-42: what clients do not take is bounded for all of them together; those that hold most of it are cut off. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, test } from 'node:test'
import type { WebSocket } from 'ws'
import { startRest } from '../testing/rest-server.js'
import { startSockets, testAddress } from '../testing/socket-server.js'
import { ByteBudget } from './byte-budget.js'

const KIB = 1024
const MIB = 1024 * KIB

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A budget, and how many clients it cut off. */
function budgetOf(totalBytes: number) {
  const cut = { clients: 0 }
  const onCut = (clients: number) => (cut.clients += clients)
  return { unsent: new ByteBudget({ limits: () => ({ totalBytes }), onCut }), cut }
}

async function request(socket: WebSocket, message: object): Promise<{ data: { id: number } }> {
  socket.send(JSON.stringify({ transaction: 't', ...message }))
  return JSON.parse(String((await once(socket, 'message'))[0]))
}

test('H-42 twenty readers that stopped hold no more than all may; one that reads misses nothing', async () => {
  const totalBytes = 4 * MIB
  const { unsent, cut } = budgetOf(totalBytes)
  const server = await startSockets({ unsent })
  closers.push(() => server.close())
  const { plugin, gateway } = server
  const attached = async (address: string) => {
    const socket = await server.open(address)
    const { id } = (await request(socket, { janus: 'create' })).data
    await request(socket, { janus: 'attach', session_id: id, plugin: 'janus.plugin.fake' })
    return { socket, port: plugin.handles.at(-1)!.port }
  }
  const reader = await attached('reader')
  const received: number[] = []
  reader.socket.on('message', (text) => received.push(JSON.parse(String(text)).plugindata.data.n))
  const slow = []
  for (let i = 0; i < 20; i++) slow.push(await attached(`slow ${i % 4}`))
  for (const { socket } of slow) socket.pause()
  const pad = 'x'.repeat(64 * KIB)
  let sent = 0
  // The kernel takes some megabytes for each before anything waits.
  for (; cut.clients < 5 && sent < 1000; sent++) {
    for (const { port } of [reader, ...slow]) {
      port.push({ pad, n: sent })
      assert.ok(unsent.measure() <= totalBytes, `${unsent.measure()} bytes wait`)
    }
    while (received.length <= sent) await once(reader.socket, 'message')
  }
  assert.ok(cut.clients >= 5, `${cut.clients} were cut off after ${sent} messages`)
  assert.deepEqual(
    received,
    Array.from({ length: sent }, (_, n) => n),
  )
  while (gateway.live().sessions > 21 - cut.clients) await new Promise(setImmediate)
  assert.equal(gateway.live().sessions, 21 - cut.clients)
})

test('H-42 events that nobody fetches: of all that wait, the longest queue goes, and its session', async () => {
  const { unsent, cut } = budgetOf(100 * KIB)
  const server = await startRest({ unsent })
  closers.push(() => server.close())
  const { attached, get, plugin, gateway, log } = server
  const [big, small] = [await attached(), await attached()]
  const [bigPort, smallPort] = plugin.handles.map(({ port }) => port)
  const pad = 'x'.repeat(10 * KIB)
  for (let n = 0; n < 6; n++) bigPort!.push({ pad, n })
  for (let n = 0; n < 3; n++) smallPort!.push({ pad, n })
  await new Promise(setImmediate)
  assert.deepEqual([cut.clients, gateway.live().sessions], [0, 2])
  // Once it was pushed too much: whoever pushes finds both handles as they were.
  smallPort!.push({ pad, n: 3 })
  assert.deepEqual([cut.clients, gateway.live().sessions], [1, 2])
  await new Promise(setImmediate)
  assert.equal(gateway.live().sessions, 1)
  assert.deepEqual(log.lines, [])
  assert.equal((await get(big.session)).status, 404)
  assert.equal((await get(`${small.session}?maxev=9`)).events.length, 4)
  while (unsent.measure() > 0) await new Promise(setImmediate)
})

test('H-42 events that were fetched and not taken are still there: who fetched most is cut off', async () => {
  const { unsent, cut } = budgetOf(24 * MIB)
  const server = await startRest({ unsent, clientAddress: testAddress, limits: { queuedBytes: 64 * MIB } })
  closers.push(() => server.close())
  const { attached, get, listener, plugin } = server
  const [greedy, other] = [await attached(), await attached()]
  const [greedyPort, otherPort] = plugin.handles.map(({ port }) => port)
  const pad = 'x'.repeat(MIB)
  for (let n = 0; n < 20; n++) greedyPort!.push({ pad, n })
  const socket = connect(listener.port, '127.0.0.1').on('error', () => {})
  socket.pause()
  socket.write(`GET /janus${greedy.session}?maxev=100 HTTP/1.1\r\nHost: x\r\n\r\n`)
  // Its queue is empty when the answer is on its way.
  await once(socket, 'readable')
  assert.ok(unsent.measure() > 20 * MIB)
  for (let n = 0; n < 3; n++) otherPort!.push({ pad, n })
  assert.equal(cut.clients, 0)
  for (let n = 3; n < 6; n++) otherPort!.push({ pad, n })
  assert.equal(cut.clients, 1)
  socket.resume()
  await once(socket, 'close')
  assert.equal((await get(`${other.session}?maxev=9`)).events.length, 6)
  // Sent, and taken: nothing is left of it.
  while (unsent.measure() > 0) await new Promise(setImmediate)
})
