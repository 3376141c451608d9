/** The process of the clients: obeys `main.ts`, which keeps it on another core than the server. */

import { Latency } from '../../src/load/latency.js'
import { pace } from '../load/pacer.js'
import { LoadClient, type Tally } from './client.js'
import { words } from './dialects.js'
import type { Dialect, FromClients, LoadResult, Shape, StormResult, ToClients } from './shape.js'

/** Sockets that connect at the same time: more overflow the queue that a listener has, and wait a second. */
const CONNECTING_MAX = 200
/** Bodies are 100 to 200 bytes, the mark included. */
const FILLERS = Array.from({ length: 101 }, (_, index) => 'x'.repeat(82 + index))
/** Longer than a busy server is silent. */
const QUIET_MS = 2_000
const QUIET_LIMIT_MS = 30_000

const tally: Tally = {
  replies: { create: new Latency(), attach: new Latency(), join: new Latency() },
  delivery: new Latency(),
  reply: new Latency(),
  deliveries: 0,
  pushes: 0,
  lastDeliveryMs: 0,
}
let clients: LoadClient[] = []

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const tellMain = (message: FromClients) => process.send!(message)

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

async function storm({ name, url }: Dialect, { rooms, clientsPerRoom }: Shape): Promise<StormResult> {
  const total = rooms * clientsPerRoom
  const startMs = performance.now()
  await new Promise<void>((resolve) => {
    let started = 0
    let joined = 0
    const start = () => {
      const user = started++
      const parts = { url: new URL(url), words: words[name], tally, room: user % rooms, user }
      const client = new LoadClient(
        parts,
        () => {
          joined++
          if (started < total) start()
          else if (joined === total) resolve()
        },
        fail,
      )
      clients.push(client)
    }
    while (started < Math.min(total, CONNECTING_MAX)) start()
  })
  const allJoinedMs = performance.now() - startMs
  await quiet(() => tally.pushes)
  const { create, attach, join } = tally.replies
  return {
    allJoinedMs,
    replies: { create: create.read(), attach: attach.read(), join: join.read() },
    pushes: tally.pushes,
  }
}

/** Until what counts up has stopped to. */
async function quiet(count: () => number): Promise<void> {
  const limitMs = performance.now() + QUIET_LIMIT_MS
  let last = -1
  while (count() !== last && performance.now() < limitMs) {
    last = count()
    await sleep(QUIET_MS)
  }
}

async function load(messagesPerSecond: number, seconds: number): Promise<LoadResult> {
  const told = new Map<LoadClient, number>()
  const toldInRoom: number[] = []
  for (const client of clients) client.heard = 0
  tally.delivery.reset()
  tally.reply.reset()
  tally.deliveries = 0
  let next = 0
  let sent = 0
  const send = () => {
    // Neighbours are in different rooms, and everybody's turn comes equally often.
    const client = clients[next++ % clients.length]!
    client.tell(FILLERS[sent % FILLERS.length]!)
    told.set(client, (told.get(client) ?? 0) + 1)
    toldInRoom[client.room] = (toldInRoom[client.room] ?? 0) + 1
    sent++
  }
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  await pace(messagesPerSecond, seconds, send, () => {})
  const cpu = process.cpuUsage(cpuBefore)
  const clientCpu = (cpu.user + cpu.system) / 1_000 / (performance.now() - startMs)
  await quiet(() => tally.deliveries)
  const due = (client: LoadClient) => (toldInRoom[client.room] ?? 0) - (told.get(client) ?? 0)
  const served = clients.filter((client) => due(client) > 0).map((client) => client.heard / due(client))
  return {
    sent,
    deliveries: tally.deliveries,
    expected: clients.reduce((sum, client) => sum + due(client), 0),
    elapsedMs: tally.lastDeliveryMs - startMs,
    delivery: tally.delivery.read(),
    reply: tally.reply.read(),
    leastServed: Math.min(...served),
    mostServed: Math.max(...served),
    clientCpu,
  }
}

process.on('message', async (message: ToClients) => {
  if (message.kind === 'storm') tellMain({ kind: 'storm', result: await storm(message.dialect, message.shape) })
  else if (message.kind === 'load') {
    tellMain({ kind: 'load', result: await load(message.messagesPerSecond, message.seconds) })
  } else {
    for (const client of clients) client.end()
    clients = []
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit())
tellMain({ kind: 'ready' })
