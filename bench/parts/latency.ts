/** Latency at half of what a server can do. */
import { type Latencies, Latency } from '../../src/load/latency.js'
import { labels, type SubjectName } from '../peers/open.js'
import { chart } from '../report/chart.js'
import { figure, ratioOf, type Spread, spreadOf, spreadText } from '../report/spread.js'
import { closeAll, growAll, measure, openStars, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'
import { findLimit, PAYLOAD_BYTES, RECEIVERS } from './saturation.js'

const WARM_UP_RATE = 400
/** Shares of its limit that each server gets. */
const SHARES = [0.1, 0.25, 0.5, 0.75]
const ASKED = 0.5

interface Result {
  readonly packetsPerSecond: number
  readonly runs: Latencies[]
}
type Results = Map<SubjectName, Map<number, Result>>

export const latency: Part = {
  name: 'latency',
  minutes: 6,
  // What the floor program sends cannot be read.
  subjects: ['rostra', 'janus', 'janus-one-loop'],
  async run(options) {
    const shares = options.quick ? [ASKED] : SHARES
    return report(await measureAll(options, shares), options)
  },
}

async function measureAll({ only, runs, seconds, say }: PartOptions, shares: readonly number[]): Promise<Results> {
  const stars = await openStars(only, say)
  const results: Results = new Map()
  try {
    await growAll(stars, RECEIVERS)
    for (const [name, star] of stars) {
      await warmUp(star, WARM_UP_RATE, PAYLOAD_BYTES, 6)
      say(`${name}: what can it do`)
      const { limit } = await findLimit(star, 0, say)
      if (!limit) continue
      const rates = shares.map((share) => [share, Math.round(limit.packetsPerSecond * share)] as const)
      results.set(name, new Map(rates.map(([share, packetsPerSecond]) => [share, { packetsPerSecond, runs: [] }])))
    }
    for (const share of shares) {
      for (let run = 1; run <= runs; run++) {
        for (const [name, of] of results) {
          const { packetsPerSecond, runs: all } = of.get(share)!
          const star = stars.get(name)!
          const recorded = new Latency()
          star.watch(recorded)
          await measure(star, { receivers: RECEIVERS, packetsPerSecond, payloadBytes: PAYLOAD_BYTES, seconds })
          star.watch(undefined)
          const read = recorded.read()
          all.push(read)
          say(
            `${share * 100} % of its limit, run ${run}: ${name.padEnd(14)} p50 ${figure(read.p50)} p99 ${figure(read.p99)} ms`,
          )
        }
      }
    }
  } finally {
    await closeAll(stars, say)
  }
  return results
}

const of50 = ({ runs }: Result) => spreadOf(runs.map(({ p50 }) => p50))
const of99 = ({ runs }: Result) => spreadOf(runs.map(({ p99 }) => p99))

/** Each at the same share of what it can do by itself. */
function ratios(results: Results, share: number): Record<'p50' | 'p99', Spread> {
  const runs = (name: SubjectName) => results.get(name)?.get(share)?.runs ?? []
  const of = (key: 'p50' | 'p99') =>
    ratioOf(
      runs('rostra').map((run) => run[key]),
      runs('janus-one-loop').map((run) => run[key]),
    )
  return { p50: of('p50'), p99: of('p99') }
}

function report(results: Results, { runs, seconds }: PartOptions): PartReport {
  const rows = [...results].flatMap(([name, of]) =>
    [...of].map(([share, result]) => [
      labels[name],
      `${share * 100} %`,
      (result.packetsPerSecond * RECEIVERS).toLocaleString('en'),
      spreadText(of50(result)),
      spreadText(of99(result)),
    ]),
  )
  const lines = (value: (result: Result) => number) =>
    [...results].map(([name, of]) => ({
      name: labels[name],
      points: [...of].map(([share, result]) => ({ x: share * 100, y: value(result) })),
    }))
  const half = results.get('rostra')?.get(ASKED)
  const shares = [...(results.values().next().value?.keys() ?? [])]
  return {
    title: 'Latency under load',
    method:
      `One publisher, ${RECEIVERS} subscribers, packets of ${PAYLOAD_BYTES.toLocaleString('en')} bytes, each server at shares of the highest rate at which it loses nothing (found first, as in the ` +
      `part saturation). From handing a packet to the sender's socket to reading it at each receiver, both in one process: what the clients take is in it, so this is more ` +
      `than the server adds. The sender has a timer of 1 ms: at high rates packets come in bursts, and the last of a burst waits for the first. ${runs} runs of ${seconds} s of each server in turn.`,
    tables: [
      {
        title: 'Latency, ms: median of the runs (least–most)',
        head: ['', 'of its limit', 'forwards/s', 'p50', 'p99'],
        rows,
      },
      {
        title:
          'rostra / Janus, event_loops=1, each at the same share of its own limit: median of the ratios of the runs (least–most)',
        head: ['of its limit', 'p50', 'p99'],
        rows: shares.map((share) => {
          const { p50, p99 } = ratios(results, share)
          return [`${share * 100} %`, spreadText(p50), spreadText(p99)]
        }),
      },
    ],
    verdicts: half
      ? [
          {
            target: 'latency at half load: p50 ≤ 0.3 ms, p99 ≤ 2 ms (clients included)',
            measured: `p50 ${spreadText(of50(half))}, p99 ${spreadText(of99(half))} ms`,
            met: of50(half).median <= 0.3 && of99(half).median <= 2,
          },
        ]
      : [],
    svg: chart(
      'Latency under load',
      [
        { title: 'median, ms', series: lines((result) => of50(result).median) },
        { title: '99 of 100, ms', series: lines((result) => of99(result).median) },
      ],
      ' % of its limit',
    ),
  }
}
