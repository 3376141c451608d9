/**
 * H-60: joins and leaves leave nothing behind. 300 of them here, since 10,000 take minutes:
 * `LEAK_ROUNDS=3334 node --test dist/test/conformance/leaks.test.js` does those.
 * From the first third of them to the end, the heap of the busier worker went from 10.1 to 10.9 MB on 2026-11-26; every process had
 * at most one timer more than before. 11 to 22 MB more were resident; of a worker that goes up and down by 15 MB meanwhile, and its
 * malloc heap stays where it is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offerThenJoin, publish, subscribe } from '../support/call.js'
import { DataChannels } from '../support/data-channels.js'
import { eventually } from '../support/eventually.js'
import { insideOptions } from '../support/inside-options.js'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients } from '../support/media-client.js'
import { descriptors, residentBytes } from '../support/resident.js'
import { startServer } from '../support/server-process.js'

/** Rounds of three joins. */
const ROUNDS = Number(process.env.LEAK_ROUNDS ?? 100)
/** The test's own sockets are given back after so many rounds. */
const ROUNDS_PER_CLIENTS = 10
/** Node's own come and go: of a connection that is kept alive, of the date in HTTP heads. */
const PASSING_TIMERS = 5
/** What is compiled meanwhile, and what the allocator keeps for later: the same after ten times the rounds. */
const SETTLING = { heapBytes: 3e6, residentBytes: 40e6 }
const chat = { label: 'chat', protocol: '', ordered: true }

test(`H-60 ${ROUNDS * 3} joins and leaves: objects, descriptors, timers and memory are what they were`, async (t) => {
  const { nodeOptions, look } = insideOptions(t)
  const server = await startServer(['--workers', '2'], 0, { nodeOptions })
  t.after(() => server.stop())
  let clients = new MediaClients()
  t.after(() => clients.close())

  const visit = async (round: number) => {
    const janus = await JanusSocket.open(server.webSocketUrl)
    await janus.create()
    // Both orders that clients have: joining first, and offering first, before the room is known to the worker.
    const enter = round % 8 < 4 ? publish : offerThenJoin
    const publisher = await enter(janus, clients, `room ${round % 7}`, `user ${round}`)
    const other = await enter(janus, clients, `room ${round % 7}`, `other ${round}`)
    const channels = [publisher, other].map(({ peer }) => new DataChannels(peer))
    channels[0]!.send(chat, Buffer.from(`hello ${round}`))
    const subscriber = await subscribe(janus, clients, `room ${round % 7}`, `user ${round}`, `user ${round}`)
    await eventually('the other one hears it', () => channels[1]!.heard.length === 1, { everyMs: 5 })
    const parties = [publisher, other, subscriber]
    // All ways to go, in turn: goodbye, detach, hangup and a socket that just closes.
    if (round % 4 === 0) await janus.request('destroy')
    if (round % 4 === 1) for (const { handle } of parties) await handle.request('detach')
    if (round % 4 === 2) for (const { handle } of parties) await handle.request('hangup')
    await janus.close()
    for (const one of channels) one.close()
    for (const { peer } of parties) peer.close()
  }
  const visits = async (from: number, to: number) => {
    for (let round = from; round < to; round++) {
      await visit(round)
      if (round % ROUNDS_PER_CLIENTS !== 0) continue
      await clients.close()
      clients = new MediaClients()
    }
    await eventually('nothing lives', async () => Object.values(await server.live()).every((count) => count === 0))
  }
  const pids = [server.pid, ...server.workerPids]
  const state = () =>
    Promise.all(pids.map(async (pid) => ({ ...(await look(pid)), residentBytes: residentBytes(pid) })))

  await visits(0, 1)
  const before = await state()
  const opened = pids.map(descriptors)
  await visits(1, Math.ceil(ROUNDS / 3))
  const third = await state()
  await visits(Math.ceil(ROUNDS / 3), ROUNDS)
  // The scrape that asked for the gauges may still hold its own connection.
  await eventually('descriptors are back', () => pids.every((pid, index) => descriptors(pid) <= opened[index]!))
  const last = await state()
  for (const [index, name] of ['main', 'worker 0', 'worker 1'].entries()) {
    const [first, early, late] = [before[index]!, third[index]!, last[index]!]
    t.diagnostic(`${name}: ${[first, early, late].map((one) => JSON.stringify(one)).join(', ')}`)
    assert.ok(late.timers <= first.timers + PASSING_TIMERS, `${name} has ${late.timers} timers`)
    const heapGrown = late.heapBytes + late.arrayBufferBytes - early.heapBytes - early.arrayBufferBytes
    assert.ok(heapGrown < SETTLING.heapBytes, `the heap of ${name} has grown by ${heapGrown} bytes`)
    const grown = late.residentBytes - early.residentBytes
    assert.ok(grown < SETTLING.residentBytes, `${name} has grown by ${grown} bytes`)
  }
})
