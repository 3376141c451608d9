/**
 * `npm run bench -- signalling`: thousands of WebSocket clients against the main process on one core: all join at
 * once, then talk. README.md says how to read it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Latencies } from '../../src/load/latency.js'
import { residentBytes } from '../../test/support/resident.js'
import { cpuMicroseconds, separate } from '../load/cpu.js'
import { startJanus } from './janus.js'
import { type BenchServer, startRostra } from './server.js'
import type { FromClients, LoadResult, Shape, StormResult, ToClients } from './shape.js'

const { values } = parseArgs({
  options: {
    rooms: { type: 'string', default: '100' },
    'clients-per-room': { type: 'string', default: '21' },
    rate: { type: 'string', default: '5000' },
    'janus-rate': { type: 'string' },
    seconds: { type: 'string', default: '10' },
    only: { type: 'string' },
    profile: { type: 'string', default: 'upstream' },
  },
})
const shape: Shape = {
  rooms: Number(values.rooms),
  clientsPerRoom: Number(values['clients-per-room']),
  messagesPerSecond: Number(values.rate),
  seconds: Number(values.seconds),
}
const WARM_UP_SECONDS = 3

/** The clients' process, one question at a time. */
class Clients {
  readonly #child = fork(fileURLToPath(new URL('clients.js', import.meta.url)))

  async ask(message: ToClients): Promise<FromClients> {
    this.#child.send(message)
    return this.#answer()
  }

  async ready(): Promise<void> {
    await this.#answer()
  }

  async end(): Promise<void> {
    if (!this.#child.connected) return
    const gone = once(this.#child, 'exit')
    this.#child.send({ kind: 'end' } satisfies ToClients)
    await gone
  }

  async #answer(): Promise<FromClients> {
    const died = once(this.#child, 'exit').then(() => {
      throw new Error('the clients gave up')
    })
    const [answer] = await Promise.race([once(this.#child, 'message'), died])
    return answer as FromClients
  }
}

const residentMb = (pid: number) => residentBytes(pid) / 2 ** 20

async function measure(server: BenchServer, messagesPerSecond: number): Promise<void> {
  const { name, pid, url } = server
  separate([pid, ...server.otherPids])
  const clients = new Clients()
  const memory = { start: residentMb(pid), joined: 0, loaded: 0 }
  const share = (micros: number, ms: number) => `${((micros / 1_000 / ms) * 100).toFixed(0)} % of a core`
  try {
    await clients.ready()
    const cpuAtStart = cpuMicroseconds([pid])
    const storm = await clients.ask({ kind: 'storm', dialect: { name, url }, shape })
    if (storm.kind !== 'storm') throw new Error(`unexpected ${storm.kind}`)
    const stormCpu = cpuMicroseconds([pid]) - cpuAtStart
    memory.joined = residentMb(pid)
    printStorm(name, storm.result, stormCpu)
    await clients.ask({ kind: 'load', messagesPerSecond, seconds: WARM_UP_SECONDS })
    const cpuBefore = cpuMicroseconds([pid])
    const load = await clients.ask({ kind: 'load', messagesPerSecond, seconds: shape.seconds })
    if (load.kind !== 'load') throw new Error(`unexpected ${load.kind}`)
    const cpu = cpuMicroseconds([pid]) - cpuBefore
    memory.loaded = residentMb(pid)
    printLoad(name, load.result, cpu, share(cpu, load.result.elapsedMs), messagesPerSecond)
    const mb = (value: number) => `${value.toFixed(0)} MB`
    console.log(
      `${name.padEnd(7)} memory    ${mb(memory.start)} at start, ${mb(memory.joined)} with all joined, ${mb(memory.loaded)} after the load\n`,
    )
  } finally {
    await clients.end()
    await server.stop()
  }
}

const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0)
const spread = ({ p50, p90, p99, max }: Latencies) =>
  `p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  max ${ms(max)} ms`

function printStorm(name: string, { allJoinedMs, replies, pushes }: StormResult, cpuMicros: number): void {
  const clients = shape.rooms * shape.clientsPerRoom
  console.log(
    `${name.padEnd(7)} storm     ${clients} clients joined in ${(allJoinedMs / 1_000).toFixed(2)} s; ` +
      `${(cpuMicros / clients).toFixed(0)} µs of CPU each; ${pushes} notifications`,
  )
  for (const [request, latencies] of Object.entries(replies)) {
    console.log(`${name.padEnd(7)}   ${request.padEnd(7)} ${spread(latencies)}`)
  }
}

function printLoad(name: string, result: LoadResult, cpuMicros: number, share: string, offered: number): void {
  const { sent, deliveries, expected, elapsedMs, delivery, reply, leastServed, mostServed, clientCpu } = result
  const perSecond = Math.round((deliveries / elapsedMs) * 1_000)
  console.log(
    `${name.padEnd(7)} load      ${offered} messages/s offered, ${sent} sent; ${deliveries} of ${expected} delivered, ` +
      `${perSecond} deliveries/s`,
  )
  console.log(`${name.padEnd(7)}   deliver ${spread(delivery)}`)
  console.log(`${name.padEnd(7)}   reply   ${spread(reply)}`)
  console.log(
    `${name.padEnd(7)}   cpu     ${share}, ${(cpuMicros / deliveries).toFixed(2)} µs per delivery; ` +
      `clients ${(clientCpu * 100).toFixed(0)} % of theirs`,
  )
  console.log(
    `${name.padEnd(7)}   sockets least served ${(leastServed * 100).toFixed(2)} %, most ${(mostServed * 100).toFixed(2)} %`,
  )
}

console.log(
  `${shape.rooms} rooms × ${shape.clientsPerRoom} clients; every message goes to the ${shape.clientsPerRoom - 1} others in its room\n`,
)
if (values.only !== 'janus') await measure(await startRostra(values.profile), shape.messagesPerSecond)
if (values.only !== 'rostra') {
  const janus = await startJanus(shape.rooms, shape.clientsPerRoom)
  if (janus) await measure(janus, Number(values['janus-rate'] ?? shape.messagesPerSecond))
  else console.log('janus is not installed: nothing to compare with (Debian: apt-get install janus)')
}
process.exit()
