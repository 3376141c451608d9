/** CPU per forwarded packet against the number of media workers. */
import { availableParallelism } from 'node:os'
import { type Attendance, Crowd } from '../peers/crowd.js'
import { startRostra } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import { chart } from '../report/chart.js'
import type { Table } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { closeAll, type Measured, measure, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

const PAYLOAD_BYTES = 1_100
const RATE = 100
/** While people come to running streams: at the measured rate one worker carries 300 of them by itself, as it should. */
const RATE_WHILE_COMING = 5 * RATE

interface Shape extends Attendance {
  readonly name: string
  /** A worker has no more places than its share of everybody and some. */
  readonly fewPlaces?: boolean
}

/** 300 people, of whom five publish. */
const HALL = { rooms: 1, publishers: 5, receivers: 59 }
const shapes: readonly Shape[] = [
  { name: '8 rooms of 1 + 20', rooms: 8, publishers: 1, receivers: 20 },
  { name: '1 room of 300, at once', ...HALL },
  { name: '1 room of 300, in 15 s', ...HALL, comePerSecond: 20 },
  { name: '1 room of 300, few places', ...HALL, fewPlaces: true },
]
/** Places of a worker beyond its share where they are limited. */
const SPARE_PLACES = 4
const WORKERS = [1, 2, 4]

/** What was seen with one number of workers. */
interface Seen {
  /** Endpoints of each media worker. */
  readonly endpoints: readonly number[]
  /** One for each run. */
  readonly runs: Measured[]
}
/** By shape and number of workers. */
type Results = Map<Shape, Map<number, Seen>>

export const workers: Part = {
  name: 'workers',
  minutes: 6,
  subjects: ['rostra'],
  async run(options) {
    return report(await measureAll(options), options)
  },
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`
const everybody = ({ rooms, publishers, receivers }: Shape) => rooms * publishers * (1 + receivers)

async function measureAll(options: PartOptions): Promise<Results> {
  const results: Results = new Map()
  for (const shape of options.quick ? shapes.map(smaller) : shapes) {
    try {
      results.set(shape, await measureShape(shape, options))
    } catch (error) {
      options.say(`${shape.name} failed: ${(error as Error).message}`)
    }
  }
  if (results.size === 0) throw new Error('no shape could be measured')
  return results
}

const smaller = (shape: Shape): Shape => ({
  ...shape,
  name: `${shape.name}, a fifth of it`,
  receivers: Math.ceil(shape.receivers / 5),
})

/** Servers with each number of workers are up at the same time, and measured in turn. */
async function measureShape(shape: Shape, { runs, seconds, quick, say }: PartOptions): Promise<Map<number, Seen>> {
  const crowds = new Map<number, Star>()
  const results = new Map<number, Seen>()
  try {
    for (const count of quick ? WORKERS.slice(0, 2) : WORKERS) {
      const places = Math.ceil(everybody(shape) / count) + SPARE_PLACES
      const flags = shape.fewPlaces ? ['--max-peer-connections-per-worker', String(places)] : []
      const crowd = await Crowd.open(await startRostra(count, flags), shape)
      const star = crowd.asStar()
      crowds.set(count, star)
      await crowd.come(RATE_WHILE_COMING, PAYLOAD_BYTES)
      const endpoints = await crowd.endpoints()
      results.set(count, { endpoints, runs: [] })
      say(`${count} workers, ${shape.name}: ${endpoints.join(' + ')} endpoints`)
      await warmUp(star, RATE * 2, PAYLOAD_BYTES, 5)
    }
    const receivers = shape.rooms * shape.publishers * shape.receivers
    for (let run = 1; run <= runs; run++) {
      for (const [count, star] of crowds) {
        // Each call of `send` is one packet of each publisher.
        const measured = await measure(star, {
          receivers,
          packetsPerSecond: RATE,
          payloadBytes: PAYLOAD_BYTES,
          seconds,
        })
        results.get(count)!.runs.push(measured)
        say(
          `${count} workers, ${shape.name}, run ${run}: ${figure(measured.microsecondsPerForward)} µs, ${percent(measured.busiestCpu)} in one process, ` +
            `clients ${percent(measured.clientCpu)}, ${(measured.delivered * 100).toFixed(2)} % delivered`,
        )
      }
    }
  } finally {
    await closeAll(crowds, say)
  }
  return results
}

const micros = (seen: Seen | undefined) => (seen?.runs ?? []).map((each) => each.microsecondsPerForward)

function report(results: Results, { runs, seconds }: PartOptions): PartReport {
  const counts = [...new Set([...results.values()].flatMap((of) => [...of.keys()]))]
  const measured = [...results.keys()]
  const table = (title: string, cell: (seen: Seen, one: Seen | undefined) => string): Table => ({
    title,
    head: ['workers', ...measured.map(({ name }) => name)],
    rows: counts.map((count) => [
      String(count),
      ...measured.map((shape) => {
        const of = results.get(shape)!
        return of.has(count) ? cell(of.get(count)!, of.get(1)) : '–'
      }),
    ]),
  })
  const load = ({ runs }: Seen) => {
    const of = (figureOf: (each: Measured) => number) => percent(spreadOf(runs.map(figureOf)).median)
    return `${of(({ busiestCpu }) => busiestCpu)} (${of(({ delivered }) => delivered)}, ${of(({ clientCpu }) => clientCpu)})`
  }
  const series = (value: (each: Measured) => number) =>
    measured.map((shape) => ({
      name: shape.name,
      points: [...results.get(shape)!].map(([x, { runs }]) => ({ x, y: spreadOf(runs.map(value)).median })),
    }))
  return {
    title: 'Cost over the number of workers',
    method: methodOf(runs, seconds),
    tables: [
      table('CPU of the whole server per forwarded packet, µs: median (least–most)', (seen) =>
        spreadText(spreadOf(micros(seen))),
      ),
      table('The same, as a ratio to one worker: median of the ratios of the runs (least–most)', (seen, one) =>
        spreadText(ratioOf(micros(seen), micros(one))),
      ),
      table(
        'CPU of the busiest process of the server, % of a core; in brackets delivered, and CPU of the clients',
        load,
      ),
      table('Endpoints of each media worker once everybody was there', ({ endpoints }) => endpoints.join(' + ')),
    ],
    verdicts: [],
    svg: chart(
      'Cost over the number of workers',
      [
        { title: 'µs of CPU per forwarded packet', series: series((each) => each.microsecondsPerForward) },
        { title: 'busiest process, % of a core', series: series((each) => each.busiestCpu * 100) },
      ],
      ' workers',
    ),
  }
}

function methodOf(runs: number, seconds: number): string {
  return (
    `Packets through rostra with more and more media workers: ${RATE} a second of ${PAYLOAD_BYTES.toLocaleString('en')} bytes from each publisher. All processes, clients too, share ` +
    `the ${availableParallelism()} cores of this machine, so that this shows what more workers cost, how people come to be spread, and by how much the busiest has less to do; not what more ` +
    'cores bring. In the room of 300 five publish and each of the others watches one of them: all at once before anything is sent; in 15 s while the publishers send five times as ' +
    `much, and loads are measured; and all at once, but to workers that have no more places than their share and ${SPARE_PLACES}. Otherwise flags are the default. Publishers join before they publish, which keeps a room together. ` +
    `A publisher is mirrored on each worker where somebody watches it who lives on another. ${runs} runs of ${seconds} s; of each shape, servers with each number of workers are up together and measured in turn.`
  )
}
