/** CPU and latency of data-channel messages against their rate, one to twenty. */
import { type Latencies, Latency } from '../../src/load/latency.js'
import { DataStar, sfuData, textroomData } from '../peers/data-star.js'
import { labels, type SubjectName, startJanus, startRostra } from '../peers/open.js'
import { chart } from '../report/chart.js'
import type { Table, Verdict } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { attempt, closeAll, compiledAfterSeconds, growAll, type Measured, measure, warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

const RECEIVERS = 20
const MESSAGE_BYTES = 200
const WARM_UP_RATE = 500
/** A rate at which less than this arrives is too much. */
const ENOUGH = 0.99

interface DataRun extends Measured {
  readonly latency: Latencies
}
type Results = Map<number, Map<SubjectName, DataRun[]>>

export const data: Part = {
  name: 'data',
  minutes: 6,
  subjects: ['rostra', 'janus', 'janus-one-loop'],
  async run(options) {
    const rates = options.quick ? [200, 1_000] : [50, 200, 500, 1_000, 2_000]
    return report(await measureAll(options, rates), options)
  },
}

async function openDataStar(name: SubjectName): Promise<DataStar | undefined> {
  if (name === 'floor') return undefined
  if (name === 'rostra') return DataStar.open(await startRostra(), sfuData)
  const server = await startJanus(name)
  return server && DataStar.open(server, textroomData)
}

async function measureAll(
  { only, runs, seconds, quick, say }: PartOptions,
  rates: readonly number[],
): Promise<Results> {
  const stars = new Map<SubjectName, DataStar>()
  const results: Results = new Map()
  try {
    for (const name of only) {
      const star = await attempt(`${name} does not start`, openDataStar(name), say)
      if (star) stars.set(name, star)
    }
    await growAll(stars, RECEIVERS)
    for (const star of stars.values()) await warmUp(star, WARM_UP_RATE, MESSAGE_BYTES, compiledAfterSeconds(quick))
    for (const rate of rates) {
      const of = new Map<SubjectName, DataRun[]>([...stars.keys()].map((name) => [name, []]))
      results.set(rate, of)
      for (let run = 1; run <= runs; run++) {
        for (const [name, star] of stars) {
          const before = of.get(name)!.at(-1)
          // One that has collapsed would take its queue along.
          if (before && before.delivered < ENOUGH) continue
          const result = await measureOne(star, rate, seconds)
          of.get(name)!.push(result)
          say(
            `${rate} messages/s, run ${run}: ${name.padEnd(14)} ${figure(result.microsecondsPerForward)} µs, ` +
              `${(result.delivered * 100).toFixed(2)} % delivered in time, p50 ${figure(result.latency.p50)} p99 ${figure(result.latency.p99)} ms, ` +
              `server ${(result.serverCpu * 100).toFixed(0)} %, clients ${(result.clientCpu * 100).toFixed(0)} %`,
          )
        }
      }
    }
  } finally {
    await closeAll(stars, say)
  }
  return results
}

async function measureOne(star: DataStar, rate: number, seconds: number): Promise<DataRun> {
  const latency = new Latency()
  star.watch(latency)
  const measured = await measure(star, {
    receivers: RECEIVERS,
    packetsPerSecond: rate,
    payloadBytes: MESSAGE_BYTES,
    seconds,
  })
  star.watch(undefined)
  return { ...measured, latency: latency.read() }
}

const micros = (runs: readonly DataRun[] = []) => runs.map((run) => run.microsecondsPerForward)
const ratioToOneLoop = (of: ReadonlyMap<SubjectName, readonly DataRun[]>) =>
  ratioOf(micros(of.get('rostra')), micros(of.get('janus-one-loop')))
const of50 = (runs: readonly DataRun[]) => spreadOf(runs.map(({ latency }) => latency.p50))
const of99 = (runs: readonly DataRun[]) => spreadOf(runs.map(({ latency }) => latency.p99))
const delivered = (runs: readonly DataRun[]) => Math.min(...runs.map((run) => run.delivered))

function report(results: Results, { runs, seconds }: PartOptions): PartReport {
  const names = [...(results.values().next().value?.keys() ?? [])]
  const perRate = (title: string, cell: (runs: readonly DataRun[]) => string): Table => ({
    title,
    head: ['messages/s in', 'out', ...names.map((name) => labels[name])],
    rows: [...results].map(([rate, of]) => [
      rate.toLocaleString('en'),
      (rate * RECEIVERS).toLocaleString('en'),
      ...names.map((name) => cell(of.get(name)!)),
    ]),
  })
  const lines = (value: (runs: readonly DataRun[]) => number) =>
    names.map((name) => ({
      name: labels[name],
      points: [...results]
        .filter(([, of]) => delivered(of.get(name)!) >= ENOUGH)
        .map(([x, of]) => ({ x, y: value(of.get(name)!) })),
    }))
  return {
    title: 'Data channels: cost and latency against rate',
    method:
      `One user sends messages of ${MESSAGE_BYTES} bytes, reliable and ordered, to ${RECEIVERS} others. Janus does it with textroom, whose messages are JSON: ` +
      `${MESSAGE_BYTES} bytes with it on the way in, more on the way out. ${runs} runs of ${seconds} s of each server in turn. Latency is from sending to receiving, with ` +
      `both ends of the clients in one process. Where less than ${ENOUGH * 100} % came in time the server (or the clients) cannot keep up, and there is one run only.`,
    tables: [
      perRate('CPU of the whole server per delivered message, µs', (runs) => spreadText(spreadOf(micros(runs)))),
      {
        title: 'The same, rostra / Janus, event_loops=1: median of the ratios of the runs (least–most)',
        head: ['messages/s in', 'ratio'],
        rows: [...results].map(([rate, of]) => [rate.toLocaleString('en'), spreadText(ratioToOneLoop(of))]),
      },
      perRate(
        'Latency, ms: p50 / p99, medians of the runs',
        (runs) => `${figure(of50(runs).median)} / ${figure(of99(runs).median)}`,
      ),
      perRate('Delivered in time, %; busy: server / clients, % of a core', (runs) => {
        const busy = (key: 'serverCpu' | 'clientCpu') => (spreadOf(runs.map((run) => run[key])).median * 100).toFixed(0)
        return `${(delivered(runs) * 100).toFixed(1)}; ${busy('serverCpu')} / ${busy('clientCpu')}`
      }),
    ],
    verdicts: verdicts(results),
    svg: chart(
      'Data-channel messages, one to twenty',
      [
        { title: 'µs of CPU per delivered message', series: lines((runs) => spreadOf(micros(runs)).median) },
        { title: 'latency, median, ms', series: lines((runs) => of50(runs).median) },
        { title: 'latency, 99 of 100, ms', series: lines((runs) => of99(runs).median) },
      ],
      '/s',
    ),
  }
}

function verdicts(results: Results): Verdict[] {
  const all: Verdict[] = []
  const ratio = ratioToOneLoop(results.get(200) ?? new Map())
  if (!Number.isNaN(ratio.median)) {
    const target = `CPU per delivered message at 200/s: ≤ 0.5 × ${labels['janus-one-loop']} (textroom)`
    all.push({ target, measured: `${spreadText(ratio)} ×`, met: ratio.median <= 0.5 })
  }
  const fast = results.get(2_000)?.get('rostra')
  if (fast && fast.length > 0) {
    const share = delivered(fast)
    const target = 'no collapse at 2,000 messages/s in (40,000 out)'
    const measured = `${(share * 100).toFixed(1)} % in time, p99 ${figure(of99(fast).median)} ms`
    all.push({ target, measured, met: share >= ENOUGH })
  }
  return all
}
