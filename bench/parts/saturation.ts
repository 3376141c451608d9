/** How many packets one core forwards before some are lost. */
import { labels, type SubjectName } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import type { Verdict } from '../report/markdown.js'
import { figure, spreadOf, spreadText } from '../report/spread.js'
import { growAll, type Measured, measure, openStars, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

export const RECEIVERS = 40
export const PAYLOAD_BYTES = 1_100
/** So many of a thousand may be late for the end of a measurement. */
const WHOLE = 0.999
const FIRST_RATE = 400
const STEP = 1.2
const STEP_SECONDS = 2

/** At the highest rate at which everything arrived. */
export interface Limit extends Measured {
  readonly packetsPerSecond: number
}

/**
 * Raises the rate until packets are lost, twice at the same rate.
 * @param from a rate that it surely does, packets per second
 */
export async function findLimit(star: Star, from: number, say: (line: string) => void): Promise<Limit | undefined> {
  let best: Limit | undefined
  for (let rate = from, failed = 0; failed < 2; ) {
    const packetsPerSecond = Math.round(rate)
    const offered = { receivers: RECEIVERS, packetsPerSecond, payloadBytes: PAYLOAD_BYTES, seconds: STEP_SECONDS }
    const measured = await measure(star, offered)
    say(
      `  ${packetsPerSecond} packets/s: ${figure(measured.forwardsPerSecond)} forwards/s, ${(measured.delivered * 100).toFixed(2)} %, ` +
        `server ${(measured.serverCpu * 100).toFixed(0)} %, clients ${(measured.clientCpu * 100).toFixed(0)} %`,
    )
    if (measured.delivered >= WHOLE) {
      best = { ...measured, packetsPerSecond }
      rate *= STEP
      failed = 0
    } else failed++
  }
  return best
}

export const saturation: Part = {
  name: 'saturation',
  minutes: 7,
  async run(options) {
    return report(await measureAll(options), options)
  },
}

async function measureAll({ only, runs, say }: PartOptions): Promise<Map<SubjectName, Limit[]>> {
  const stars = await openStars(only, say)
  const results = new Map<SubjectName, Limit[]>([...stars.keys()].map((name) => [name, []]))
  try {
    await growAll(stars, RECEIVERS)
    for (const star of stars.values()) await warmUp(star, FIRST_RATE, PAYLOAD_BYTES, 6)
    for (let run = 1; run <= runs; run++) {
      for (const [name, star] of stars) {
        say(`run ${run}: ${name}`)
        const known = results.get(name)!.at(-1)
        const limit = await findLimit(star, known ? known.packetsPerSecond / STEP ** 3 : FIRST_RATE, say)
        if (limit) results.get(name)!.push(limit)
      }
    }
  } finally {
    for (const star of stars.values()) await star.close()
  }
  return results
}

function report(results: Map<SubjectName, Limit[]>, { runs }: PartOptions): PartReport {
  const measured = [...results].filter(([, limits]) => limits.length > 0)
  const spread = (limits: readonly Limit[], value: (limit: Limit) => number) => spreadOf(limits.map(value))
  return {
    title: 'Saturation of one core',
    method:
      `One publisher, ${RECEIVERS} subscribers, packets of ${PAYLOAD_BYTES.toLocaleString('en')} bytes at a rate that grows by a fifth every ${STEP_SECONDS} s until less than ` +
      `${WHOLE * 100} % arrive, twice. The server has one core, and all clients, who decrypt what they get, the other: where theirs is full the limit is theirs. The receivers of ` +
      `the floor program only count. ${runs} runs of each server in turn.`,
    tables: [
      {
        title: 'The highest rate at which everything arrived',
        head: ['', 'forwards/s', 'Gbit/s', 'µs of CPU per forward', 'server, % of a core', 'clients, % of theirs'],
        rows: measured.map(([name, limits]) => [
          labels[name],
          spreadText(spread(limits, ({ forwardsPerSecond }) => forwardsPerSecond)),
          figure(spread(limits, ({ forwardsPerSecond }) => forwardsPerSecond).median * PAYLOAD_BYTES * 8e-9),
          spreadText(spread(limits, ({ microsecondsPerForward }) => microsecondsPerForward)),
          figure(spread(limits, ({ serverCpu }) => serverCpu * 100).median),
          figure(spread(limits, ({ clientCpu }) => clientCpu * 100).median),
        ]),
      },
    ],
    verdicts: verdicts(results),
  }
}

function verdicts(results: Map<SubjectName, Limit[]>): Verdict[] {
  const perSecond = (name: SubjectName) => (results.get(name) ?? []).map(({ forwardsPerSecond }) => forwardsPerSecond)
  if (perSecond('rostra').length === 0 || perSecond('floor').length === 0) return []
  const [ours, floor] = [spreadOf(perSecond('rostra')), spreadOf(perSecond('floor'))]
  // 200,000 where the floor reaches 250,000: as a share, for machines of other speeds.
  const share = ours.median / floor.median
  return [
    {
      target: 'forwards/s without loss: ≥ 0.8 × floor program (200,000 where that reaches 250,000)',
      measured: `${spreadText(ours)}, ${figure(share)} ×`,
      met: share >= 0.8,
    },
  ]
}
