/** Set-up storm: everybody comes into one room at once and subscribes to everybody. */
import { type Latencies, Latency } from '../../src/load/latency.js'
import { LoadRun } from '../../src/load/load.js'
import type { PeerPool } from '../../src/load/peer.js'
import { ranMicroseconds, separate } from '../load/cpu.js'
import type { StartedServer } from '../peers/janus-api-star.js'
import { labels, type SubjectName, startJanus, startRostra } from '../peers/open.js'
import { VideoroomUser } from '../peers/room-user.js'
import { figure, spreadOf, spreadText } from '../report/spread.js'
import type { Part, PartOptions, PartReport } from './part.js'

const USERS = 30
const ALL_WITHIN_MS = 120_000

interface Storm {
  readonly connections: number
  readonly allUpMs: number
  /** Of a server core, until all were up. */
  readonly cpuMicros: number
  /** Share of their core that the clients took. */
  readonly clientCpu: number
  readonly subscribing: Latencies
}

export const storm: Part = {
  name: 'storm',
  minutes: 3,
  async run(options) {
    return report(await measureAll(options), options)
  },
}

async function measureAll({ only, runs, say }: PartOptions): Promise<Map<SubjectName, Storm[]>> {
  const results = new Map<SubjectName, Storm[]>()
  for (let run = 1; run <= runs; run++) {
    for (const name of only) {
      if (name === 'floor') continue
      const server = name === 'rostra' ? await startRostra() : await startJanus(name, USERS)
      if (!server) continue
      try {
        separate(server.pids)
        const result = await measureOne(server, name === 'rostra' ? rostraStorm : videoroomStorm)
        results.set(name, [...(results.get(name) ?? []), result])
        say(
          `run ${run}: ${name.padEnd(14)} ${result.connections} connections in ${figure(result.allUpMs / 1_000)} s, ` +
            `${figure(result.cpuMicros / result.connections)} µs of CPU each, clients ${(result.clientCpu * 100).toFixed(0)} %`,
        )
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
  const clients = process.cpuUsage()
  const startMs = performance.now()
  let measured: Pick<Storm, 'allUpMs' | 'cpuMicros' | 'clientCpu'> | undefined
  const outcome = await run(url, () => {
    const allUpMs = performance.now() - startMs
    const { user, system } = process.cpuUsage(clients)
    const cpuMicros = ranMicroseconds(pids) - server
    measured = { allUpMs, cpuMicros, clientCpu: (user + system) / (allUpMs * 1_000) }
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

function report(results: Map<SubjectName, Storm[]>, { runs }: PartOptions): PartReport {
  const spread = (storms: readonly Storm[], value: (storm: Storm) => number) => spreadOf(storms.map(value))
  const perCoreSecond = ({ connections, cpuMicros }: Storm) => (connections * 1e6) / cpuMicros
  const ours = results.get('rostra')
  return {
    title: 'Set-up storm',
    method:
      `${USERS} users come into one room at the same time, each on a WebSocket of its own: ${USERS} publishers and ${USERS * (USERS - 1)} subscribers, each with ICE and ` +
      `a full DTLS handshake. The server has one core and all clients the other, where they pay for their half of the handshakes too; no media. ${runs} runs of each server in turn.`,
    tables: [
      {
        title: 'Until everybody sees everybody',
        head: [
          '',
          'seconds',
          'connections per core-second of the server',
          'a subscriber, p50 / p99, ms',
          'clients, % of their core',
        ],
        rows: [...results].map(([name, storms]) => [
          labels[name],
          spreadText(spread(storms, ({ allUpMs }) => allUpMs / 1_000)),
          spreadText(spread(storms, perCoreSecond)),
          `${figure(spread(storms, ({ subscribing }) => subscribing.p50).median)} / ${figure(spread(storms, ({ subscribing }) => subscribing.p99).median)}`,
          figure(spread(storms, ({ clientCpu }) => clientCpu * 100).median),
        ]),
      },
    ],
    verdicts: ours
      ? [
          {
            target: 'full DTLS connections per core-second: ≥ 800',
            measured: spreadText(spread(ours, perCoreSecond)),
            met: spread(ours, perCoreSecond).median >= 800,
          },
          {
            target: `${USERS} × ${USERS} room, ${USERS * (USERS - 1)} subscribers: < 5 s on 2 cores, clients among them`,
            measured: `${spreadText(spread(ours, ({ allUpMs }) => allUpMs / 1_000))} s`,
            met: spread(ours, ({ allUpMs }) => allUpMs).median < 5_000,
          },
        ]
      : [],
  }
}
