/** How many packets one core forwards before some are lost. */
import { labels, type SubjectName, subjectNames } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import { chart } from '../report/chart.js'
import type { Verdict } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { closeAll, growAll, type Measured, measure, openStars, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

export const RECEIVERS = 40
export const PAYLOAD_BYTES = 1_100
/** One of a thousand may be late for the end of a measurement. */
const WHOLE = 0.999
const wholeText = `${WHOLE * 100} %`
const FIRST_RATE = 400
const STEP = 1.2
const STEP_SECONDS = 2

/** The same rates for all servers and runs. @param step from 0, packets per second */
const rateOf = (step: number) => Math.round(FIRST_RATE * STEP ** step)

/** What came of one rate. */
export interface Step extends Measured {
  readonly step: number
  readonly packetsPerSecond: number
}

export interface Search {
  /** In the order in which they were tried. */
  readonly steps: readonly Step[]
  /** The highest at which everything arrived; undefined when there was none. */
  readonly limit: Step | undefined
}

/**
 * Raises the rate until packets are lost, twice at the same rate.
 * @param from a step that it surely does
 */
export async function findLimit(star: Star, from: number, say: (line: string) => void): Promise<Search> {
  const steps: Step[] = []
  let limit: Step | undefined
  for (let step = from, failed = 0; failed < 2; ) {
    const packetsPerSecond = rateOf(step)
    const offered = { receivers: RECEIVERS, packetsPerSecond, payloadBytes: PAYLOAD_BYTES, seconds: STEP_SECONDS }
    const measured = await measure(star, offered)
    say(
      `  ${packetsPerSecond} packets/s: ${figure(measured.forwardsPerSecond)} forwards/s, ${(measured.delivered * 100).toFixed(2)} %, ` +
        `server ${(measured.serverCpu * 100).toFixed(0)} %, clients ${(measured.clientCpu * 100).toFixed(0)} %`,
    )
    const tried = { ...measured, step, packetsPerSecond }
    steps.push(tried)
    if (measured.delivered >= WHOLE) {
      limit = tried
      step++
      failed = 0
    } else failed++
  }
  return { steps, limit }
}

/** So many steps below what is known of a server the next run begins. */
const STEPS_BELOW = 3

/** Of each server, one for each run. */
type Results = Map<SubjectName, Search[]>

export const saturation: Part = {
  name: 'saturation',
  minutes: 7,
  subjects: subjectNames,
  async run(options) {
    return report(await measureAll(options), options)
  },
}

async function measureAll({ only, runs, say }: PartOptions): Promise<Results> {
  const stars = await openStars(only, say)
  const results: Results = new Map([...stars.keys()].map((name) => [name, []]))
  try {
    await growAll(stars, RECEIVERS)
    for (const star of stars.values()) await warmUp(star, FIRST_RATE, PAYLOAD_BYTES, 6)
    for (let run = 1; run <= runs; run++) {
      for (const [name, star] of stars) {
        say(`run ${run}: ${name}`)
        const known = results.get(name)!.at(-1)?.limit
        results.get(name)!.push(await findLimit(star, known ? Math.max(0, known.step - STEPS_BELOW) : 0, say))
      }
    }
  } finally {
    await closeAll(stars, say)
  }
  return results
}

const limits = (searches: readonly Search[] = []) => searches.flatMap(({ limit }) => (limit ? [limit] : []))
const perSecond = (searches: readonly Search[] = []) => searches.map(({ limit }) => limit?.forwardsPerSecond)

function report(results: Results, { runs }: PartOptions): PartReport {
  const spread = (searches: readonly Search[], value: (limit: Step) => number) => spreadOf(limits(searches).map(value))
  const ours = results.get('rostra')
  return {
    title: 'Saturation of one core',
    method:
      `One publisher, ${RECEIVERS} subscribers, packets of ${PAYLOAD_BYTES.toLocaleString('en')} bytes at a rate that grows by a fifth every ${STEP_SECONDS} s until less than ` +
      `${wholeText} arrive, twice. The server has one core, and all clients, who decrypt what they get, the other: where theirs is full the limit is theirs. The receivers of ` +
      `the floor program only count. Where packets come faster than a server's turns, rostra and the floor program join those of one receiver into one send (UDP GSO). ${runs} runs of each server in turn.`,
    tables: [
      {
        title: `The highest rate at which ${wholeText} or more arrived: median (least–most)`,
        head: [
          '',
          'forwards/s',
          'rostra / this, of each run',
          'Gbit/s',
          'µs of CPU per forward',
          'server, % of a core',
          'clients, % of theirs',
        ],
        rows: [...results].map(([name, searches]) => [
          labels[name],
          spreadText(spread(searches, ({ forwardsPerSecond }) => forwardsPerSecond)),
          ours && name !== 'rostra' ? spreadText(ratioOf(perSecond(ours), perSecond(searches))) : '–',
          figure(spread(searches, ({ forwardsPerSecond }) => forwardsPerSecond).median * PAYLOAD_BYTES * 8e-9),
          spreadText(spread(searches, ({ microsecondsPerForward }) => microsecondsPerForward)),
          figure(spread(searches, ({ serverCpu }) => serverCpu * 100).median),
          figure(spread(searches, ({ clientCpu }) => clientCpu * 100).median),
        ]),
      },
    ],
    verdicts: verdicts(results),
    svg: plot(results),
  }
}

/** What became of each rate that was tried, medians of all runs that tried it. */
function plot(results: Results): string {
  const panel = (title: string, value: (step: Step) => number) => ({
    title,
    series: [...results].map(([name, searches]) => {
      const byRate = new Map<number, number[]>()
      for (const step of searches.flatMap(({ steps }) => steps)) {
        const { packetsPerSecond } = step
        byRate.set(packetsPerSecond, [...(byRate.get(packetsPerSecond) ?? []), value(step)])
      }
      const rates = [...byRate].sort(([a], [b]) => a - b)
      return {
        name: labels[name],
        points: rates.map(([rate, values]) => ({ x: rate * RECEIVERS, y: spreadOf(values).median })),
      }
    }),
  })
  return chart(
    'Saturation of one core: against forwards a second that were asked for',
    [
      panel('arrived, %', ({ delivered }) => delivered * 100),
      panel('server, % of a core', ({ serverCpu }) => serverCpu * 100),
      panel('clients, % of theirs', ({ clientCpu }) => clientCpu * 100),
    ],
    '/s',
  )
}

function verdicts(results: Results): Verdict[] {
  const [ours, floor] = [perSecond(results.get('rostra')), perSecond(results.get('floor'))]
  const share = ratioOf(ours, floor)
  if (Number.isNaN(share.median)) return []
  // 200,000 where the floor reaches 250,000: as a share, for machines of other speeds.
  return [
    {
      target: `forwards/s with ${wholeText} delivered: ≥ 0.8 × floor program (200,000 where that reaches 250,000)`,
      measured: `${spreadText(spreadOf(limits(results.get('rostra')).map(({ forwardsPerSecond }) => forwardsPerSecond)))}, ${spreadText(share)} ×`,
      met: share.median >= 0.8,
    },
  ]
}
