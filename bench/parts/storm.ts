/** Set-up storm: everybody comes into one room at once and subscribes to everybody. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Latencies, Latency } from '../../src/load/latency.js'
import { LoadRun } from '../../src/load/load.js'
import type { PeerPool } from '../../src/load/peer.js'
import { ranMicroseconds, separate, share } from '../load/cpu.js'
import type { StartedServer } from '../peers/janus-api-star.js'
import { labels, type SubjectName, startJanus, startRostra } from '../peers/open.js'
import { VideoroomUser } from '../peers/room-user.js'
import { barChart } from '../report/bars.js'
import type { Verdict } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { attempt } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

const USERS = 30
/** On a quiet machine all are up within seconds; one that stalls must not hold up the others for long. */
const ALL_WITHIN_MS = 40_000
const HANDSHAKES = 1_000

/** Storms of a server: one that has just started compiles what it does first, and does it for a second. */
type Which = 'first' | 'again' | 'firstOnAll' | 'againOnAll'
const saidOf: Readonly<Record<Which, string>> = {
  first: 'just started, one core',
  again: 'second storm, one core',
  firstOnAll: 'just started, all cores',
  againOnAll: 'second storm, all cores',
}
const whichs = Object.keys(saidOf) as Which[]

/** Where a server may run, and which storms it has there: on a core of its own for what they cost it, and as users have it for how long they take. */
interface Placement {
  readonly whichs: readonly Which[]
  place(pids: readonly number[]): void
}
const placements: readonly Placement[] = [
  { whichs: ['first', 'again'], place: separate },
  { whichs: ['firstOnAll', 'againOnAll'], place: share },
]

/** Targets. */
const PER_CORE_SECOND_MIN = 800
const SECONDS_MAX = 5

interface Storm {
  readonly connections: number
  readonly allUpMs: number
  /** Of a server core, until all were up. */
  readonly cpuMicros: number
  /** Of its first process, which with rostra is the one that talks. */
  readonly mainMicros: number
  /** Of one core, what the clients took. */
  readonly clientCpu: number
  readonly subscribing: Latencies
}

export const storm: Part = {
  name: 'storm',
  minutes: 7,
  subjects: ['rostra', 'janus', 'janus-one-loop'],
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

/** Of each server, one for each run; undefined: that one failed. */
type Storms = Map<SubjectName, Record<Which, (Storm | undefined)[]>>

async function measureAll({ only, runs, say }: PartOptions): Promise<Storms> {
  const results: Storms = new Map()
  for (let run = 1; run <= runs; run++) {
    for (const placement of placements) {
      for (const name of only) await measureServer(name, placement, run, results, say)
    }
  }
  return results
}

/** A server that starts now has its storms. One that cannot do it has no figures; the others go on. */
async function measureServer(
  name: SubjectName,
  { whichs, place }: Placement,
  run: number,
  results: Storms,
  say: PartOptions['say'],
): Promise<void> {
  if (name === 'floor') return
  const starting = name === 'rostra' ? startRostra() : startJanus(name, USERS)
  const server = await attempt(`${name} does not start`, starting, say)
  if (!server) return
  const of = results.get(name) ?? { first: [], again: [], firstOnAll: [], againOnAll: [] }
  results.set(name, of)
  for (const which of whichs) of[which][run - 1] = undefined
  try {
    place(server.pids)
    for (const which of whichs) {
      const result = await measureOne(server, name === 'rostra' ? rostraStorm : videoroomStorm)
      of[which][run - 1] = result
      const each = (micros: number) => figure(micros / result.connections)
      say(
        `run ${run}: ${name.padEnd(14)} ${saidOf[which].padEnd(23)} ${result.connections} connections in ${figure(result.allUpMs / 1_000)} s, ` +
          `${each(result.cpuMicros)} µs of CPU each, ${each(result.mainMicros)} of them the first process, clients ${(result.clientCpu * 100).toFixed(0)} %`,
      )
    }
  } catch (error) {
    say(`run ${run}: ${name.padEnd(14)} failed: ${(error as Error).message}`)
  } finally {
    await attempt(`${name} does not end well`, server.stop(), say)
  }
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
      `a full DTLS handshake. Only the server that is measured is up. It has one core and all clients the others, where they pay for their half of the handshakes too; then, another one, all cores together with its clients. No media. ${runs} servers of each kind in turn; ` +
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
          'clients, % of a core',
        ],
        rows: [...results].flatMap(([name, storms]) => whichs.map((which) => row(labels[name], which, storms[which]))),
      },
      {
        title: 'rostra / Janus, event_loops=1: median of the ratios of the runs (least–most)',
        head: ['storm', 'seconds', 'connections per core-second', 'CPU of a connection'],
        rows: whichs.map((which) => [
          saidOf[which],
          ...[seconds, perCoreSecond, cpuOfOne].map((value) => {
            const runsOf = (name: SubjectName) => results.get(name)?.[which].map((storm) => storm && value(storm)) ?? []
            return spreadText(ratioOf(runsOf('rostra'), runsOf('janus-one-loop')))
          }),
        ]),
      },
    ],
    verdicts: ours ? whichs.flatMap((which) => verdicts(which, ours[which])) : [],
    svg: plot(results),
  }
}

function plot(results: Storms): string {
  const bars = (value: (storm: Storm) => number) =>
    [...results].flatMap(([name, storms]) =>
      whichs.map((which) => ({
        label: `${labels[name]}, ${saidOf[which]}`,
        group: labels[name],
        spread: spread(storms[which], value),
      })),
    )
  return barChart('Set-up storm', [
    {
      title: 'seconds until everybody sees everybody; dashed: the target for rostra',
      bars: bars(seconds),
      targets: [SECONDS_MAX],
    },
    {
      title: 'connections per core-second of the server; dashed: the target',
      bars: bars(perCoreSecond),
      targets: [PER_CORE_SECOND_MIN],
    },
  ])
}

/** Runs, and those that failed. */
type Runs = readonly (Storm | undefined)[]

const spread = (storms: Runs, value: (storm: Storm) => number) =>
  spreadOf(storms.flatMap((storm) => (storm ? [value(storm)] : [])))
const seconds = ({ allUpMs }: Storm) => allUpMs / 1_000
const cpuOfOne = ({ connections, cpuMicros }: Storm) => cpuMicros / connections
const perCoreSecond = ({ connections, cpuMicros }: Storm) => (connections * 1e6) / cpuMicros

function row(label: string, which: Which, storms: Runs): string[] {
  return [
    label,
    saidOf[which],
    spreadText(spread(storms, seconds)),
    spreadText(spread(storms, perCoreSecond)),
    spreadText(spread(storms, cpuOfOne)),
    spreadText(spread(storms, ({ connections, mainMicros }) => mainMicros / connections)),
    `${figure(spread(storms, ({ subscribing }) => subscribing.p50).median)} / ${figure(spread(storms, ({ subscribing }) => subscribing.p99).median)}`,
    figure(spread(storms, ({ clientCpu }) => clientCpu * 100).median),
  ]
}

function verdicts(which: Which, storms: Runs): Verdict[] {
  const rate = spread(storms, perCoreSecond)
  const took = spread(storms, seconds)
  if (Number.isNaN(rate.median)) return []
  // What one costs is asked of a core, how long all of them take of a machine.
  if (which === 'first' || which === 'again')
    return [
      {
        target: `full DTLS connections per core-second, ${saidOf[which]}: ≥ ${PER_CORE_SECOND_MIN}`,
        measured: spreadText(rate),
        met: rate.median >= PER_CORE_SECOND_MIN,
      },
    ]
  return [
    {
      target: `${USERS} × ${USERS} room, ${USERS * (USERS - 1)} subscribers, ${saidOf[which]}, clients among them: < ${SECONDS_MAX} s on two`,
      measured: `${spreadText(took)} s`,
      met: took.median < SECONDS_MAX,
    },
  ]
}
