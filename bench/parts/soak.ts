/** Game traffic of a full room for as long as one likes: is anything lost, does anything grow. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Insight, openInsight } from '../../test/support/inside-options.js'
import { residentBytes } from '../../test/support/resident.js'
import { ranMicroseconds, separate } from '../load/cpu.js'
import { pace } from '../load/pacer.js'
import { DataRoom, kinds } from '../peers/data-room.js'
import { startRostra } from '../peers/open.js'
import { figure } from '../report/spread.js'
import { COLOURS, linearAxis, panelOf, svgOf } from '../report/svg.js'
import type { Part, PartOptions, PartReport } from './part.js'

const USERS = 30
/** Of each user and kind: reliable and in order, and unordered and never sent again. */
const MESSAGES_PER_SECOND = 30
const WARM_UP_SECONDS = 8
/** Reliable messages that are on their way at the end may take so long. */
const DRAIN_MS = 10_000
/** What a process retains may grow by so much of what it had after the first fifth of the time, or by so much, and still be called flat. */
const GROWTH_SHARE = 0.05
const GROWTH_BYTES = 2e6
/** Of unreliable messages, over loopback. */
const ARRIVE_SHARE = 0.99
const WIDTH = 5
const DELIVERIES_PER_SECOND = USERS * MESSAGES_PER_SECOND * kinds.length * (USERS - 1)

interface SoakRun {
  readonly room: DataRoom
  /** Resident KB of each process, sampled every second. */
  readonly memory: readonly number[][]
  /** Of each process, after garbage collection: after the first fifth of the time, and at its end. */
  readonly retained: readonly { readonly early: Retained; readonly late: Retained }[]
  readonly seconds: number
  readonly serverMicros: number
  readonly clientMicros: number
}

interface Retained {
  /** Objects and buffers of JavaScript. */
  readonly bytes: number
  readonly residentBytes: number
}

export const soak: Part = {
  name: 'soak',
  subjects: ['rostra'],
  async run(options) {
    const insight = openInsight({ timers: false })
    try {
      const room = await DataRoom.open(await startRostra(1, [], { nodeOptions: insight.nodeOptions }), USERS)
      try {
        separate(room.pids)
        return report(await talk(room, insight, options))
      } finally {
        await room.close()
      }
    } finally {
      insight.end()
    }
  },
}

async function talk(room: DataRoom, insight: Insight, { soakMinutes, say }: PartOptions): Promise<SoakRun> {
  const seconds = soakMinutes * 60
  let said = 0
  const one = () => {
    const user = said++ % USERS
    for (const kind of kinds) room.say(user, kind)
  }
  const flush = () => room.flush()
  await pace(USERS * MESSAGES_PER_SECOND, WARM_UP_SECONDS, one, flush)
  await settled(room)
  for (const kind of kinds) room.tallies[kind].latency.reset()

  const memory: number[][] = room.pids.map(() => [])
  let retained: SoakRun['retained'] = []
  let ticks = 0
  const sampler = setInterval(() => {
    for (const [index, pid] of room.pids.entries()) {
      try {
        memory[index]!.push(residentBytes(pid) / 1_024)
      } catch {
        // It has ended; what was said to it will be missing, which the verdict shows.
        memory[index]!.push(Number.NaN)
      }
    }
    if (++ticks % 10 === 0) say(`${ticks} s: ${memory.map((samples) => megabytes(samples.at(-1)!)).join(', ')} MB`)
  }, 1_000)
  const server = ranMicroseconds(room.pids)
  const clients = process.cpuUsage()
  try {
    await pace(USERS * MESSAGES_PER_SECOND, seconds / WIDTH, one, flush)
    await settled(room)
    const early = await retain(room, insight)
    await pace(USERS * MESSAGES_PER_SECOND, seconds - seconds / WIDTH, one, flush)
    await settled(room)
    const late = await retain(room, insight)
    retained = early.map((each, index) => ({ early: each, late: late[index]! }))
  } finally {
    clearInterval(sampler)
  }
  const { user, system } = process.cpuUsage(clients)
  return {
    room,
    memory,
    retained,
    seconds,
    serverMicros: ranMicroseconds(room.pids) - server,
    clientMicros: user + system,
  }
}

function retain({ pids }: DataRoom, insight: Insight): Promise<Retained[]> {
  const look = async (pid: number) => {
    const { heapBytes, arrayBufferBytes } = await insight.look(pid)
    return { bytes: heapBytes + arrayBufferBytes, residentBytes: residentBytes(pid) }
  }
  return Promise.all(pids.map(look))
}

/** Resolves when all that is reliable has come, and what is not has had a moment. */
async function settled({ tallies: { reliable } }: DataRoom): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS
  while (reliable.delivered < reliable.expected && performance.now() < untilMs) await sleep(20)
  await sleep(200)
}

/** @param memory resident KB of each process, sampled every second */
function plot(memory: SoakRun['memory']): string {
  const lines = memory.map((samples, index) => ({
    colour: COLOURS[index % COLOURS.length]!,
    points: samples.flatMap((kb, second) => (Number.isNaN(kb) ? [] : [{ x: (second + 1) / 60, y: kb / 1_024 }])),
  }))
  const minutes = Math.max(1, ...memory.map(({ length }) => length)) / 60
  return svgOf(
    'A full room for a long time',
    lines.map(({ colour }, index) => ({ colour, text: nameOf(index) })),
    [panelOf('resident memory, MB', lines)],
    linearAxis(minutes, ' min'),
  )
}

const nameOf = (process: number) => (process === 0 ? 'main process' : `media worker ${process}`)
const megabytes = (kb: number): string => (kb / 1024).toFixed(1)

/** Median of the samples from `from` to `to`, shares of the time. */
function medianOf(samples: readonly number[], from: number, to: number): number {
  const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to)).sort((a, b) => a - b)
  return part[part.length >> 1] ?? Number.NaN
}

function report({ room, memory, retained, seconds, serverMicros, clientMicros }: SoakRun): PartReport {
  const { tallies } = room
  const processes = memory.map((samples, index) => ({
    name: nameOf(index),
    start: medianOf(samples, 0, 1 / WIDTH),
    early: medianOf(samples, 1 / WIDTH, 2 / WIDTH),
    middle: medianOf(samples, 2 / WIDTH, 3 / WIDTH),
    end: medianOf(samples, 4 / WIDTH, 1),
  }))
  const lost = tallies.reliable.expected - tallies.reliable.delivered
  const wrong = tallies.reliable.wrong + tallies.unreliable.wrong
  const measured = tallies.reliable.latency.read().count + tallies.unreliable.latency.read().count
  const { delivered, expected, refused } = tallies.unreliable
  const share = (micros: number) => `${((micros / (seconds * 1e6)) * 100).toFixed(0)} %`
  return {
    title: 'A full room for a long time',
    method:
      `${USERS} users in one room, who each send ${MESSAGES_PER_SECOND} messages of 100 bytes a second that are reliable and in order, and as many that are unordered and ` +
      `never sent again, to all others: ${DELIVERIES_PER_SECOND.toLocaleString('en')} deliveries a second, for ${seconds / 60} minutes after ` +
      `${WARM_UP_SECONDS} s that count for losses only. One media worker, on one core with the main process; all clients in one process on the others. Server busy ${share(serverMicros)}, ` +
      `clients ${share(clientMicros)} of a core; ${figure(serverMicros / Math.max(1, measured))} µs of the server's CPU per delivered message.`,
    tables: [
      {
        title: 'Messages, and latency in ms',
        head: ['', 'sent', 'to deliver', 'delivered', 'lost', 'p50', 'p95', 'p99', 'most'],
        rows: kinds.map((kind) => {
          const { sent, expected, delivered, latency } = tallies[kind]
          const { p50, p95, p99, max } = latency.read()
          const counts = [sent, expected, delivered, expected - delivered].map((value) => value.toLocaleString('en'))
          return [kind, ...counts, ...[p50, p95, p99, max].map(figure)]
        }),
      },
      {
        title: 'Resident memory, MB: medians of fifths of the time',
        head: ['', 'first', 'second', 'third', 'last'],
        rows: processes.map(({ name, start, early, middle, end }) => [
          name,
          ...[start, early, middle, end].map(megabytes),
        ]),
      },
      {
        title: 'MB after a garbage collection, which is asked for at these two moments',
        head: [
          '',
          `after ${figure(seconds / 60 / WIDTH)} minutes: retained`,
          'resident',
          'at the end: retained',
          'resident',
        ],
        rows: retained.map(({ early, late }, index) => [
          nameOf(index),
          ...[early.bytes, early.residentBytes, late.bytes, late.residentBytes].map((each) =>
            (each / 2 ** 20).toFixed(2),
          ),
        ]),
      },
    ],
    verdicts: [
      {
        target: 'every reliable message arrives, once and in order',
        measured: `${lost} lost, ${wrong} twice or out of order, ${tallies.reliable.refused} refused, ${room.closed} channels closed`,
        met:
          lost === 0 && wrong === 0 && tallies.reliable.refused === 0 && room.closed === 0 && tallies.reliable.sent > 0,
      },
      {
        target: `more than ${ARRIVE_SHARE * 100} % of the unreliable messages arrive, and none is refused`,
        measured: `${delivered} of ${expected}, ${refused} refused`,
        met: expected > 0 && delivered > ARRIVE_SHARE * expected && refused === 0,
      },
      ...retained.map(({ early, late }, index) => ({
        target: `${nameOf(index)}: memory is flat, that is no more than ${GROWTH_SHARE * 100} % or ${GROWTH_BYTES / 1e6} MB more is retained at the end`,
        measured: `${((late.bytes - early.bytes) / 2 ** 20).toFixed(2)} MB`,
        met: late.bytes - early.bytes <= Math.max(GROWTH_BYTES, early.bytes * GROWTH_SHARE),
      })),
    ],
    mustHold: true,
    svg: plot(memory),
  }
}
