/** CPU per forwarded packet against the number of subscribers. */
import { labels, type SubjectName, subjectNames } from '../peers/open.js'
import { chart } from '../report/chart.js'
import type { Table, Verdict } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { closeAll, compiledAfterSeconds, growAll, type Measured, measure, openStars, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

const PAYLOAD_BYTES = 1_100
const RATE = 500
/** From so many forwards a second on the rate falls as receivers come, so that no server is full. */
const FORWARDS_PER_SECOND_MAX = 20_000
/** Of the targets. */
const ASKED = 20
const WARM_UP_SECONDS = 2
/**
 * How long a server that compiles as it runs warms up whenever it has grown: the first packets to several subscribers take
 * paths that one never took, and STUN of twenty clients is code worth compiling where that of one was not.
 */
const COMPILED_AGAIN_SECONDS = 15

const packetsPerSecond = (receivers: number) => Math.min(RATE, Math.round(FORWARDS_PER_SECOND_MAX / receivers))

type Results = Map<number, Map<SubjectName, Measured[]>>

export const forward: Part = {
  name: 'forward',
  minutes: 10,
  subjects: subjectNames,
  async run(options) {
    const sizes = options.quick ? [1, ASKED] : [1, 5, ASKED, 50, 100, 200, 400]
    return report(await measureAll(options, sizes), options)
  },
}

async function measureAll(
  { only, runs, seconds, quick, say }: PartOptions,
  sizes: readonly number[],
): Promise<Results> {
  const stars = await openStars(only, say)
  const results: Results = new Map()
  try {
    for (const receivers of sizes) {
      await growAll(stars, receivers)
      const rate = packetsPerSecond(receivers)
      const of = new Map<SubjectName, Measured[]>([...stars.keys()].map((name) => [name, []]))
      results.set(receivers, of)
      for (const [name, star] of stars) {
        const grownSeconds = name === 'rostra' && !quick ? COMPILED_AGAIN_SECONDS : WARM_UP_SECONDS
        const warmUpSeconds = receivers === sizes[0] ? compiledAfterSeconds(quick) : grownSeconds
        await warmUp(star, rate * 2, PAYLOAD_BYTES, warmUpSeconds)
      }
      for (let run = 1; run <= runs; run++) {
        for (const [name, star] of stars) {
          const offered = { receivers, packetsPerSecond: rate, payloadBytes: PAYLOAD_BYTES, seconds }
          const measured = await measure(star, offered)
          of.get(name)!.push(measured)
          say(
            `${receivers} subscribers × ${rate}/s, run ${run}: ${name.padEnd(14)} ` +
              `${figure(measured.microsecondsPerForward)} µs, ${(measured.delivered * 100).toFixed(2)} % delivered`,
          )
        }
      }
    }
  } finally {
    await closeAll(stars, say)
  }
  return results
}

const micros = (measured: readonly Measured[] = []) => measured.map((each) => each.microsecondsPerForward)

/** The worst run of all servers, and whose it was where something was lost. */
function leastDelivered(of: ReadonlyMap<SubjectName, readonly Measured[]>): string {
  const worst = [...of]
    .flatMap(([name, runs]) => runs.map(({ delivered }) => ({ name, delivered })))
    .reduce((least, run) => (run.delivered < least.delivered ? run : least))
  const whose = worst.delivered < 0.9995 ? ` (${labels[worst.name]})` : ''
  return `${(worst.delivered * 100).toFixed(1)} %${whose}`
}

function report(results: Results, { runs, seconds, quick }: PartOptions): PartReport {
  const names = [...(results.values().next().value?.keys() ?? [])]
  const rows = [...results].map(([receivers, of]) => [
    String(receivers),
    String(packetsPerSecond(receivers)),
    ...names.map((name) => spreadText(spreadOf(micros(of.get(name))))),
    ...(['floor', 'janus-one-loop'] as const).map((other) =>
      of.has(other) && of.has('rostra') ? spreadText(ratioOf(micros(of.get('rostra')), micros(of.get(other)))) : '–',
    ),
    leastDelivered(of),
  ])
  const table: Table = {
    title: 'CPU of the whole server per forwarded packet, µs: median (least–most)',
    head: [
      'subscribers',
      'packets/s',
      ...names.map((name) => labels[name]),
      'rostra / floor',
      'rostra / Janus, event_loops=1',
      'least delivered',
    ],
    rows,
  }
  const series = names.map((name) => ({
    name: labels[name],
    points: [...results].map(([x, of]) => ({ x, y: spreadOf(micros(of.get(name))).median })),
  }))
  return {
    title: 'Forwarding cost against subscribers',
    method:
      `One publisher sends packets of ${PAYLOAD_BYTES.toLocaleString('en')} bytes of VP8, each of which goes to all subscribers: ${RATE} a second, and fewer ` +
      `where that would be more than ${FORWARDS_PER_SECOND_MAX.toLocaleString('en')} forwards a second. ` +
      `${runs} runs of ${seconds} s of each server in turn, after each has forwarded for ${compiledAfterSeconds(quick)} s, ` +
      `and rostra, which V8 compiles as it runs, for ${quick ? WARM_UP_SECONDS : COMPILED_AGAIN_SECONDS} s more whenever it had grown.`,
    tables: [table],
    verdicts: verdicts(results.get(ASKED)),
    svg: chart('CPU per forwarded packet', [{ title: 'µs per forwarded packet', series }], ''),
  }
}

function verdicts(of: Map<SubjectName, Measured[]> | undefined): Verdict[] {
  const against = (other: SubjectName, limit: number): Verdict[] => {
    if (!of?.has('rostra') || !of.has(other)) return []
    const ratio = ratioOf(micros(of.get('rostra')), micros(of.get(other)))
    const target = `CPU per forwarded packet, ${ASKED} subscribers: ≤ ${limit} × ${labels[other]}`
    return [{ target, measured: `${spreadText(ratio)} ×`, met: ratio.median <= limit }]
  }
  return [...against('floor', 1.25), ...against('janus-one-loop', 0.45)]
}
