/** Game traffic of a full room for as long as one likes: is anything lost, does anything grow. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ranMicroseconds, separate } from '../load/cpu.js'
import { pace } from '../load/pacer.js'
import { DataRoom, kinds } from '../peers/data-room.js'
import { residentKb, startRostra } from '../peers/open.js'
import { figure } from '../report/spread.js'
import { COLOURS, linearAxis, panelOf, svgOf } from '../report/svg.js'
import type { Part, PartOptions, PartReport } from './part.js'

const USERS = 30
/** Of each user and kind: reliable and in order, and unordered and never sent again. */
const MESSAGES_PER_SECOND = 30
const WARM_UP_SECONDS = 8
/** Reliable messages that are on their way at the end may take so long. */
const DRAIN_MS = 10_000
/** A process may grow by so much of what it has, or so much, from the second fifth of the time to the last, and still be called flat. */
const GROWTH_SHARE = 0.05
const GROWTH_KB = 5_120
/** Of unreliable messages, over loopback. */
const ARRIVE_SHARE = 0.99
const WIDTH = 5
const DELIVERIES_PER_SECOND = USERS * MESSAGES_PER_SECOND * kinds.length * (USERS - 1)

interface SoakRun {
  readonly room: DataRoom
  /** Resident KB of each process, sampled every second. */
  readonly memory: readonly number[][]
  readonly seconds: number
  readonly serverMicros: number
  readonly clientMicros: number
}

export const soak: Part = {
  name: 'soak',
  subjects: ['rostra'],
  async run(options) {
    const room = await DataRoom.open(await startRostra(), USERS)
    try {
      separate(room.pids)
      return report(await talk(room, options))
    } finally {
      await room.close()
    }
  },
}

async function talk(room: DataRoom, { soakMinutes, say }: PartOptions): Promise<SoakRun> {
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
  let ticks = 0
  const sampler = setInterval(() => {
    for (const [index, pid] of room.pids.entries()) {
      try {
        memory[index]!.push(residentKb(pid))
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
    await pace(USERS * MESSAGES_PER_SECOND, seconds, one, flush)
    await settled(room)
  } finally {
    clearInterval(sampler)
  }
  const { user, system } = process.cpuUsage(clients)
  return { room, memory, seconds, serverMicros: ranMicroseconds(room.pids) - server, clientMicros: user + system }
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

function report({ room, memory, seconds, serverMicros, clientMicros }: SoakRun): PartReport {
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
  const isFlat = ({ early, end }: (typeof processes)[0]) => end - early <= Math.max(GROWTH_KB, early * GROWTH_SHARE)
  // The middles of the two fifths are three fifths of the time apart.
  const perHour = ({ early, end }: (typeof processes)[0]) => (end - early) / ((seconds / 3_600) * (3 / WIDTH))
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
      ...processes.map((process) => ({
        target: `${process.name}: flat, that is no more than 5 % or 5 MB more in the last fifth than in the second`,
        measured: `${megabytes(process.end - process.early)} MB, ${megabytes(perHour(process))} MB an hour`,
        met: isFlat(process),
      })),
    ],
    mustHold: true,
    svg: plot(memory),
  }
}
