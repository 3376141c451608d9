/** Latency at half of what a server can do. */
import { type Latencies, Latency } from '../../src/load/latency.js'
import { labels, type SubjectName } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import { chart } from '../report/chart.js'
import type { Verdict } from '../report/markdown.js'
import { figure, ratioOf, type Spread, spreadOf, spreadText } from '../report/spread.js'
import { closeAll, growAll, measure, openStars, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'
import { findLimit, PAYLOAD_BYTES, RECEIVERS } from './saturation.js'

const WARM_UP_RATE = 400
/** Shares of its limit that each server gets, in percent. */
const SHARES = [10, 25, 50, 75]
const ASKED = 50

/** Until a packet lies in the receiver's socket, and until the receiver has read it. */
interface Run {
  readonly arrived: Latencies
  readonly read: Latencies
}
interface Result {
  readonly packetsPerSecond: number
  readonly runs: Run[]
}
/** Of each server, what came of each load: a share of what it can do, or `atOneRate`. */
type Results = Map<SubjectName, Map<number, Result>>
/** The key of the load that all servers get alike: half of what Janus with one loop can do. */
const atOneRate = 0
const textOf = (load: number) => (load === atOneRate ? 'one rate for all' : `${load} %`)

export const latency: Part = {
  name: 'latency',
  minutes: 7,
  // What the floor program sends cannot be read.
  subjects: ['rostra', 'janus', 'janus-one-loop'],
  async run(options) {
    const shares = options.quick ? [ASKED] : SHARES
    return report(await measureAll(options, shares), options)
  },
}

async function measureAll({ only, runs, seconds, say }: PartOptions, shares: readonly number[]): Promise<Results> {
  const stars = await openStars(only, say)
  try {
    await growAll(stars, RECEIVERS)
    const results = await findLoads(stars, shares, say)
    for (const load of [...shares, atOneRate]) {
      for (let run = 1; run <= runs; run++) {
        for (const [name, of] of results) {
          const result = of.get(load)
          if (!result) continue
          const measured = await measureOne(stars.get(name)!, result.packetsPerSecond, seconds)
          result.runs.push(measured)
          const { arrived, read } = measured
          say(
            `${textOf(load)}, run ${run}: ${name.padEnd(14)} arrived p50 ${figure(arrived.p50)} p99 ${figure(arrived.p99)} ms, read p50 ${figure(read.p50)} p99 ${figure(read.p99)} ms`,
          )
        }
      }
    }
    return results
  } finally {
    await closeAll(stars, say)
  }
}

/** What each server can do, and the rates that come of it. */
async function findLoads(
  stars: ReadonlyMap<SubjectName, Star>,
  shares: readonly number[],
  say: (line: string) => void,
): Promise<Results> {
  const limits = new Map<SubjectName, number>()
  for (const [name, star] of stars) {
    await warmUp(star, WARM_UP_RATE, PAYLOAD_BYTES, 6)
    say(`${name}: what can it do`)
    const { limit } = await findLimit(star, 0, say)
    if (limit) limits.set(name, limit.packetsPerSecond)
  }
  const common = (limits.get('janus-one-loop') ?? Number.NaN) * (ASKED / 100)
  const results: Results = new Map()
  for (const [name, limit] of limits) {
    const rates = shares.map((share): [number, number] => [share, limit * (share / 100)])
    if (common <= limit) rates.push([atOneRate, common])
    results.set(name, new Map(rates.map(([load, rate]) => [load, { packetsPerSecond: Math.round(rate), runs: [] }])))
  }
  return results
}

async function measureOne(star: Star, packetsPerSecond: number, seconds: number): Promise<Run> {
  const [read, arrived] = [new Latency(), new Latency()]
  star.watch(read, arrived)
  await measure(star, { receivers: RECEIVERS, packetsPerSecond, payloadBytes: PAYLOAD_BYTES, seconds })
  star.watch(undefined)
  return { arrived: arrived.read(), read: read.read() }
}

type Percentile = 'p50' | 'p99'
const spread = ({ runs }: Result, until: keyof Run, percentile: Percentile) =>
  spreadOf(runs.map((run) => run[until][percentile]))

function ratio(results: Results, load: number, percentile: Percentile): Spread {
  const of = (name: SubjectName) =>
    results
      .get(name)
      ?.get(load)
      ?.runs.map(({ arrived }) => arrived[percentile]) ?? []
  return ratioOf(of('rostra'), of('janus-one-loop'))
}

function report(results: Results, { runs, seconds }: PartOptions): PartReport {
  const half = results.get('rostra')?.get(ASKED)
  const loads = [...(results.values().next().value?.keys() ?? [])]
  return {
    title: 'Latency under load',
    method:
      `One publisher, ${RECEIVERS} subscribers, packets of ${PAYLOAD_BYTES.toLocaleString('en')} bytes, each server at shares of the highest rate at which it loses nothing (found first, as in the ` +
      'part saturation), and all at one rate, half of what Janus with one loop can do. “Arrived” is from handing a packet to the sender’s socket until the kernel has it for a receiver: what the server ' +
      'and the kernel take. “Read” is until the receiver has decrypted it, which one process does for all 40. The sender has a timer of 1 ms: at high rates packets come in bursts, and the last of a ' +
      `burst waits for the first. ${runs} runs of ${seconds} s of each server in turn.`,
    tables: [
      {
        title: 'Latency, ms: median of the runs (least–most)',
        head: ['', 'of its limit', 'forwards/s', 'arrived, p50', 'arrived, p99', 'read, p50', 'read, p99'],
        rows: [...results].flatMap(([name, of]) =>
          [...of].map(([load, result]) => [
            labels[name],
            textOf(load),
            (result.packetsPerSecond * RECEIVERS).toLocaleString('en'),
            ...(['arrived', 'read'] as const).flatMap((until) =>
              (['p50', 'p99'] as const).map((percentile) => spreadText(spread(result, until, percentile))),
            ),
          ]),
        ),
      },
      {
        title: 'Arrived, rostra / Janus, event_loops=1: median of the ratios of the runs (least–most)',
        head: ['of its own limit', 'p50', 'p99'],
        rows: loads.map((load) => [
          textOf(load),
          spreadText(ratio(results, load, 'p50')),
          spreadText(ratio(results, load, 'p99')),
        ]),
      },
    ],
    verdicts: half ? [verdict(half)] : [],
    svg: plot(results),
  }
}

function verdict(half: Result): Verdict {
  const [p50, p99] = [spread(half, 'arrived', 'p50'), spread(half, 'arrived', 'p99')]
  return {
    target: 'added latency at half load: p50 ≤ 0.3 ms, p99 ≤ 2 ms',
    measured: `p50 ${spreadText(p50)}, p99 ${spreadText(p99)} ms`,
    met: p50.median <= 0.3 && p99.median <= 2,
  }
}

function plot(results: Results): string {
  const panel = (title: string, percentile: Percentile) => ({
    title,
    series: [...results].map(([name, of]) => ({
      name: labels[name],
      points: [...of]
        .filter(([load]) => load !== atOneRate)
        .map(([load, result]) => ({ x: load, y: spread(result, 'arrived', percentile).median })),
    })),
  })
  return chart(
    'Latency under load, until a packet has arrived',
    [panel('median, ms', 'p50'), panel('99 of 100, ms', 'p99')],
    ' % of its limit',
  )
}
