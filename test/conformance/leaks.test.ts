/** H-60, first form: nothing is left alive after 300 joins and leaves. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { offerThenJoin, publish, subscribe } from '../support/call.js'
import { eventually } from '../support/eventually.js'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients } from '../support/media-client.js'
import { startServer } from '../support/server-process.js'

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

test('live objects and file descriptors are back where they were after 300 joins and leaves', async (t) => {
  const server = await startServer(['--workers', '2'])
  t.after(() => server.stop())
  const clients = new MediaClients()
  t.after(() => clients.close())

  const visit = async (round: number) => {
    const janus = await JanusSocket.open(server.webSocketUrl)
    await janus.create()
    // Both orders that clients have: joining first, and offering first, before the room is known to the worker.
    const enter = round % 8 < 4 ? publish : offerThenJoin
    const publisher = await enter(janus, clients, `room ${round % 7}`, `user ${round}`)
    const other = await enter(janus, clients, `room ${round % 7}`, `other ${round}`)
    const subscriber = await subscribe(janus, clients, `room ${round % 7}`, `user ${round}`, `user ${round}`)
    const parties = [publisher, other, subscriber]
    // All ways to go, in turn: goodbye, detach, hangup and a socket that just closes.
    if (round % 4 === 0) await janus.request('destroy')
    if (round % 4 === 1) for (const { handle } of parties) await handle.request('detach')
    if (round % 4 === 2) for (const { handle } of parties) await handle.request('hangup')
    await janus.close()
    for (const { peer } of parties) peer.close()
  }
  const idle = () =>
    eventually('nothing lives', async () => {
      return Object.values(await server.live()).every((count) => count === 0)
    })
  await visit(0)
  await idle()
  const pids = [server.pid, ...server.workerPids]
  const before = pids.map(descriptors)
  for (let round = 1; round <= 100; round++) await visit(round)
  await idle()
  // The scrape that asked for the gauges may still hold its own connection.
  await eventually('descriptors are back', () => pids.every((pid, index) => descriptors(pid) <= before[index]!))
  assert.deepEqual(await server.live().then((live) => live.endpoints), 0)
})
