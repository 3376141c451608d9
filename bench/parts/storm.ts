/** Set-up storm: everybody comes into one room at once and subscribes to everybody. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Latencies, Latency } from '../../src/load/latency.js'
import { LoadRun } from '../../src/load/load.js'
import type { PeerPool } from '../../src/load/peer.js'
import { ranMicroseconds, separate } from '../load/cpu.js'
import type { StartedServer } from '../peers/janus-api-star.js'
import { labels, type SubjectName, startJanus, startRostra } from '../peers/open.js'
import { VideoroomUser } from '../peers/room-user.js'
import type { Verdict } from '../report/markdown.js'
import { figure, spreadOf, spreadText } from '../report/spread.js'
import type { Part, PartOptions, PartReport } from './part.js'

const USERS = 30
const ALL_WITHIN_MS = 120_000
const HANDSHAKES = 1_000

/** Storms of one server: one that has just started compiles what it does first, and does it for a second. */
type Which = 'first' | 'again'
const whichs: readonly Which[] = ['first', 'again']

interface Storm {
  readonly connections: number
  readonly allUpMs: number
  /** Of a server core, until all were up. */
  readonly cpuMicros: number
  /** Of its first process, which with rostra is the one that talks. */
  readonly mainMicros: number
  /** Share of their core that the clients took. */
  readonly clientCpu: number
  readonly subscribing: Latencies
}

export const storm: Part = {
  name: 'storm',
  minutes: 4,
  async run(options) {
    const handshakes = Array.from({ length: options.runs }, handshakeMicros)
    return report(await measureAll(options), handshakes, options)
  },
}

/** What OpenSSL alone needs for the server's side of a handshake (`floor/handshake.c`), in µs. */
function handshakeMicros(): number {
  const program = fileURLToPath(new URL('../../../bench/floor/build/handshake', import.meta.url))
  const { microseconds } = JSON.parse(execFileSync(program, [String(HANDSHAKES), 'X25519:P-256'], { encoding: 'utf8' }))
  return microseconds
}

type Storms = Map<SubjectName, Record<Which, Storm[]>>

async function measureAll({ only, runs, say }: PartOptions): Promise<Storms> {
  const results: Storms = new Map()
  for (let run = 1; run <= runs; run++) {
    for (const name of only) {
      if (name === 'floor') continue
      const server = name === 'rostra' ? await startRostra() : await startJanus(name, USERS)
      if (!server) continue
      try {
        separate(server.pids)
        for (const which of whichs) {
          const result = await measureOne(server, name === 'rostra' ? rostraStorm : videoroomStorm)
          const before = results.get(name) ?? { first: [], again: [] }
          results.set(name, { ...before, [which]: [...before[which], result] })
          const each = (micros: number) => figure(micros / result.connections)
          say(
            `run ${run}: ${name.padEnd(14)} ${which.padEnd(5)} ${result.connections} connections in ${figure(result.allUpMs / 1_000)} s, ` +
              `${each(result.cpuMicros)} µs of CPU each, ${each(result.mainMicros)} of them the first process, clients ${(result.clientCpu * 100).toFixed(0)} %`,
          )
        }
      } catch (error) {
        // One that cannot do it has no figures; the others go on.
        say(`run ${run}: ${name.padEnd(14)} failed: ${(error as Error).message}`)
      } finally {
        await server.stop()
      }
    }
  }
  return results
}

/** Sets everything up, and takes it down again. @param up called when all connections are up */
type Run = (url: string, up: () => void) => Promise<Pick<Storm, 'connections' | 'subscribing'>>

async function measureOne({ url, pids }: StartedServer, run: Run): Promise<Storm> {
  const server = ranMicroseconds(pids)
  const main = ranMicroseconds(pids.slice(0, 1))
  const clients = process.cpuUsage()
  const startMs = performance.now()
  let measured: Omit<Storm, 'connections' | 'subscribing'> | undefined
  const outcome = await run(url, () => {
    const allUpMs = performance.now() - startMs
    const { user, system } = process.cpuUsage(clients)
    const cpuMicros = ranMicroseconds(pids) - server
    const mainMicros = ranMicroseconds(pids.slice(0, 1)) - main
    measured = { allUpMs, cpuMicros, mainMicros, clientCpu: (user + system) / (allUpMs * 1_000) }
  })
  if (!measured) throw new Error('not all connections came up')
  return { ...outcome, ...measured }
}

const rostraStorm: Run = async (url, up) => {
  const run = new LoadRun({
    url,
    rooms: 1,
    usersPerRoom: USERS,
    viewsPerUser: USERS,
    audioBytes: 0,
    videoBps: 0,
    messagesPerSecond: 0,
    messageBytes: 0,
    reliable: true,
    durationMs: 0,
    rampPerSecond: 0,
    roomPrefix: 'storm',
    allowRemote: false,
  })
  run.onSetUp = up
  const summary = await run.run(new AbortController().signal)
  const [error] = Object.keys(summary.errors)
  if (error !== undefined) throw new Error(error)
  return { connections: summary.connections, subscribing: summary.subscribing }
}

const videoroomStorm: Run = async (url, up) => {
  const pools = new Map<string, PeerPool>()
  const all = USERS * USERS
  let done: () => void = () => {}
  const allUp = new Promise<void>((resolve) => (done = resolve))
  const tally = {
    connections: 0,
    publishing: new Latency(),
    subscribing: new Latency(),
    up: () => tally.connections === all && done(),
  }
  const users = Array.from({ length: USERS }, (_, index) => new VideoroomUser(url, index, tally, pools))
  const whole = Promise.all(users.map((user) => user.start().then(() => user.settled()))).then(() => allUp)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${tally.connections} of ${all} connections are up`)), ALL_WITHIN_MS)
  })
  await Promise.race([whole, late]).finally(() => clearTimeout(timer))
  up()
  await Promise.all(users.map((user) => user.stop()))
  await Promise.all([...pools.values()].map((pool) => pool.close()))
  return { connections: tally.connections, subscribing: tally.subscribing.read() }
}

function report(results: Storms, handshakes: readonly number[], { runs }: PartOptions): PartReport {
  const ours = results.get('rostra')
  return {
    title: 'Set-up storm',
    method:
      `${USERS} users come into one room at the same time, each on a WebSocket of its own: ${USERS} publishers and ${USERS * (USERS - 1)} subscribers, each with ICE and ` +
      `a full DTLS handshake. The server has one core and all clients the other, where they pay for their half of the handshakes too; no media. ${runs} servers of each kind in turn; ` +
      'each has two storms, since one that has just started compiles what it does first. OpenSSL alone, the server’s side of a handshake with nothing around it, needs ' +
      `${spreadText(spreadOf(handshakes))} µs.`,
    tables: [
      {
        title: 'Until everybody sees everybody',
        head: [
          '',
          'storm',
          'seconds',
          'connections per core-second of the server',
          'CPU of a connection, µs',
          'of which the first process',
          'a subscriber, p50 / p99, ms',
          'clients, % of their core',
        ],
        rows: [...results].flatMap(([name, storms]) => whichs.map((which) => row(labels[name], which, storms[which]))),
      },
    ],
    verdicts: ours ? whichs.flatMap((which) => verdicts(which, ours[which])) : [],
  }
}

const spread = (storms: readonly Storm[], value: (storm: Storm) => number) => spreadOf(storms.map(value))
const perCoreSecond = ({ connections, cpuMicros }: Storm) => (connections * 1e6) / cpuMicros

function row(label: string, which: Which, storms: readonly Storm[]): string[] {
  return [
    label,
    which,
    spreadText(spread(storms, ({ allUpMs }) => allUpMs / 1_000)),
    spreadText(spread(storms, perCoreSecond)),
    spreadText(spread(storms, ({ connections, cpuMicros }) => cpuMicros / connections)),
    spreadText(spread(storms, ({ connections, mainMicros }) => mainMicros / connections)),
    `${figure(spread(storms, ({ subscribing }) => subscribing.p50).median)} / ${figure(spread(storms, ({ subscribing }) => subscribing.p99).median)}`,
    figure(spread(storms, ({ clientCpu }) => clientCpu * 100).median),
  ]
}

function verdicts(which: Which, storms: readonly Storm[]): Verdict[] {
  const said = which === 'first' ? 'just started' : 'second storm'
  const rate = spread(storms, perCoreSecond)
  const seconds = spread(storms, ({ allUpMs }) => allUpMs / 1_000)
  return [
    {
      target: `full DTLS connections per core-second, ${said}: ≥ 800`,
      measured: spreadText(rate),
      met: rate.median >= 800,
    },
    {
      target: `${USERS} × ${USERS} room, ${USERS * (USERS - 1)} subscribers, ${said}: < 5 s on 2 cores, clients among them`,
      measured: `${spreadText(seconds)} s`,
      met: seconds.median < 5,
    },
  ]
}
