/** CPU per forwarded packet against the number of media workers. */
import { availableParallelism } from 'node:os'
import { JanusApiStar, type StartedServer, sfuWords } from '../peers/janus-api-star.js'
import { startRostra } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import { chart } from '../report/chart.js'
import { figure, spreadOf, spreadText } from '../report/spread.js'
import { type Measured, measure, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

const PAYLOAD_BYTES = 1_100
const RATE = 100
/** The same forwards: in many rooms; from one publisher whose worker has room for all; and from one whose worker has not. */
const shapes = [
  { name: '8 rooms of 1 + 20', rooms: 8, receivers: 20, spread: false },
  { name: '1 room of 1 + 160', rooms: 1, receivers: 160, spread: false },
  { name: 'the same, spread', rooms: 1, receivers: 160, spread: true },
] as const
/** Places of a worker beyond its share of a room that is to be spread. */
const SPARE_PLACES = 4
const WORKERS = [1, 2, 4]

type Results = Map<number, Map<string, Measured[]>>

export const workers: Part = {
  name: 'workers',
  minutes: 6,
  async run(options) {
    return report(await measureAll(options), options)
  },
}

/** Several rooms of one server: what is sent goes to a publisher in each. */
class Rooms {
  readonly stars: readonly Star[]
  readonly pids: readonly number[]

  constructor(stars: readonly Star[]) {
    this.stars = stars
    this.pids = stars[0]!.pids
  }

  static async open(server: StartedServer, rooms: number, receivers: number): Promise<Rooms> {
    const stars: Star[] = []
    for (let room = 0; room < rooms; room++) {
      // The last one takes the server with it.
      const stop = room === rooms - 1 ? () => server.stop() : async () => {}
      const star = await JanusApiStar.open({ ...server, stop }, sfuWords(`room-${room}`))
      await star.grow(receivers)
      stars.push(star)
    }
    return new Rooms(stars)
  }

  asStar(): Star {
    const { stars, pids } = this
    return {
      name: stars[0]!.name,
      pids,
      grow: async () => {},
      send: (payloadBytes) => {
        for (const star of stars) star.send(payloadBytes)
      },
      flush: () => {
        for (const star of stars) star.flush()
      },
      received: () => stars.reduce((sum, star) => sum + star.received(), 0),
      watch: () => false,
      close: async () => {
        for (const star of stars) await star.close()
      },
    }
  }
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

async function measureAll({ runs, seconds, quick, say }: PartOptions): Promise<Results> {
  const results: Results = new Map()
  for (const count of quick ? WORKERS.slice(0, 2) : WORKERS) {
    const of = new Map<string, Measured[]>(shapes.map(({ name }) => [name, []]))
    results.set(count, of)
    for (const { name, rooms, receivers, spread } of shapes) {
      const places = Math.ceil((receivers + 1) / count) + SPARE_PLACES
      const flags = spread ? ['--max-peer-connections-per-worker', String(places)] : []
      const star = (await Rooms.open(await startRostra(count, flags), rooms, receivers)).asStar()
      try {
        await warmUp(star, RATE * 2, PAYLOAD_BYTES, 5)
        for (let run = 1; run <= runs; run++) {
          const offered = { receivers: rooms * receivers, packetsPerSecond: RATE, payloadBytes: PAYLOAD_BYTES, seconds }
          const measured = await measure(star, offered)
          of.get(name)!.push(measured)
          say(
            `${count} workers, ${name}, run ${run}: ${figure(measured.microsecondsPerForward)} µs, ${percent(measured.busiestCpu)} in one process, clients ${percent(measured.clientCpu)}, ${(measured.delivered * 100).toFixed(2)} % delivered`,
          )
        }
      } finally {
        await star.close()
      }
    }
  }
  return results
}

function report(results: Results, { runs, seconds }: PartOptions): PartReport {
  const load = (measured: readonly Measured[]) => {
    const of = (figureOf: (each: Measured) => number) => percent(spreadOf(measured.map(figureOf)).median)
    return `${of(({ busiestCpu }) => busiestCpu)} (${of(({ delivered }) => delivered)}, ${of(({ clientCpu }) => clientCpu)})`
  }
  const micros = (measured: readonly Measured[]) => spreadOf(measured.map((each) => each.microsecondsPerForward))
  return {
    title: 'Cost over the number of workers',
    method:
      `The same packets through rostra with more and more media workers: ${RATE} a second of ${PAYLOAD_BYTES.toLocaleString('en')} bytes from each publisher. All processes, clients too, share ` +
      `the ${availableParallelism()} cores of this machine, so that this shows what more workers cost, and by how much the busiest of them has less to do; not what more cores bring. ` +
      `Where a room is spread, a worker may have no more connections than its share and ${SPARE_PLACES}, and the publisher is mirrored on the others. ${runs} runs of ${seconds} s.`,
    tables: [
      {
        title: 'CPU of the whole server per forwarded packet, µs: median (least–most)',
        head: ['workers', ...shapes.map(({ name }) => name)],
        rows: [...results].map(([count, of]) => [
          String(count),
          ...shapes.map(({ name }) => spreadText(micros(of.get(name)!))),
        ]),
      },
      {
        title: 'CPU of the busiest process of the server, % of a core; in brackets delivered, and CPU of the clients',
        head: ['workers', ...shapes.map(({ name }) => name)],
        rows: [...results].map(([count, of]) => [String(count), ...shapes.map(({ name }) => load(of.get(name)!))]),
      },
    ],
    verdicts: [],
    svg: chart(
      'Cost over the number of workers',
      [
        {
          title: 'µs of CPU per forwarded packet',
          series: shapes.map(({ name }) => ({
            name,
            points: [...results].map(([x, of]) => ({ x, y: micros(of.get(name)!).median })),
          })),
        },
      ],
      ' workers',
    ),
  }
}
