/** Resident memory per connection. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DataStar, textroomData } from '../peers/data-star.js'
import { JanusApiStar, sfuWords, videoroomWords } from '../peers/janus-api-star.js'
import { residentKb, startJanus, startRostra } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import type { Verdict } from '../report/markdown.js'
import { figure, type Spread, spreadOf, spreadText } from '../report/spread.js'
import { warmUp } from './measure.js'
import type { Part, PartOptions, PartReport } from './part.js'

/** What comes with the first connections (code that is compiled, buffers that grow once) is not what one more costs. */
const FIRST = 100
const LAST = 500
const QUICK = [20, 100] as const
const PAYLOAD_BYTES = 1_100
const RATE = 25
const SECONDS = 3

/**
 * V8 lets a young generation grow with what is thrown away, up to 48 MB in each process, once in its life; and it collects the
 * old one when it sees fit. On a server that has just started both happen while the connections come, and would count as
 * theirs. So the former is kept small, and the latter collected before memory is read.
 */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=1'
const COLLECT = 'SIGUSR2'
const collectOnSignal =
  "import v8 from 'node:v8'; import vm from 'node:vm'; v8.setFlagsFromString('--expose-gc'); " +
  `const gc = vm.runInNewContext('gc'); process.on('${COLLECT}', () => { gc(); gc() })`
const nodeOptions = `${SMALL_YOUNG_GENERATION} --import=data:text/javascript,${encodeURIComponent(collectOnSignal)}`
const COLLECTED_MS = 2_000
const startOurs = () => startRostra(1, [], { nodeOptions })

const kinds = {
  'rostra, a subscriber': async () => JanusApiStar.open(await startOurs(), sfuWords()),
  'rostra, a subscriber with a data channel': async () => JanusApiStar.open(await startOurs(), sfuWords(), true),
  'Janus videoroom, a subscriber': async () => {
    const server = await startJanus('janus')
    return server && JanusApiStar.open(server, videoroomWords)
  },
  'Janus videoroom, event_loops=1, a subscriber': async () => {
    const server = await startJanus('janus-one-loop')
    return server && JanusApiStar.open(server, videoroomWords)
  },
  'Janus textroom, event_loops=1, data channel only': async () => {
    const server = await startJanus('janus-one-loop')
    return server && DataStar.open(server, textroomData)
  },
} satisfies Record<string, () => Promise<Star | undefined>>
type Kind = keyof typeof kinds

interface Growth {
  /** KB per connection, of all processes and of the first (with rostra: signalling). */
  readonly all: number
  readonly first: number
}

export const memory: Part = {
  name: 'memory',
  minutes: 8,
  async run(options) {
    return report(await measureAll(options), options)
  },
}

const sizes = ({ quick }: PartOptions) => (quick ? QUICK : ([FIRST, LAST] as const))

async function measureAll(options: PartOptions): Promise<Map<Kind, Growth[]>> {
  const { runs, only, say } = options
  const results = new Map<Kind, Growth[]>()
  const wanted = (Object.keys(kinds) as Kind[]).filter((kind) =>
    only.includes(kind.startsWith('rostra') ? 'rostra' : 'janus'),
  )
  for (let run = 1; run <= runs; run++) {
    for (const kind of wanted) {
      const star = await kinds[kind]()
      if (!star) continue
      try {
        const growth = await measureOne(star, sizes(options), kind.startsWith('rostra'))
        results.set(kind, [...(results.get(kind) ?? []), growth])
        say(`run ${run}: ${kind}: ${figure(growth.all)} KB`)
      } finally {
        await star.close()
      }
    }
  }
  return results
}

async function measureOne(star: Star, [first, last]: readonly [number, number], collects: boolean): Promise<Growth> {
  const read = async (connections: number) => {
    await star.grow(connections)
    await warmUp(star, RATE, PAYLOAD_BYTES, SECONDS)
    if (collects) {
      for (const pid of star.pids) process.kill(pid, COLLECT)
      await sleep(COLLECTED_MS)
    }
    return star.pids.map(residentKb)
  }
  const before = await read(first)
  const after = await read(last)
  const each = after.map((kb, index) => (kb - before[index]!) / (last - first))
  return { all: each.reduce((sum, kb) => sum + kb, 0), first: each[0]! }
}

function report(results: Map<Kind, Growth[]>, options: PartOptions): PartReport {
  const [first, last] = sizes(options)
  const all = (growths: readonly Growth[]) => spreadOf(growths.map((growth) => growth.all))
  const main = (growths: readonly Growth[]) => spreadOf(growths.map((growth) => growth.first))
  const verdict = (kind: Kind, limit: number): Verdict[] => {
    const growths = results.get(kind)
    if (!growths) return []
    const spread: Spread = all(growths)
    return [{ target: `${kind}: ≤ ${limit} KB`, measured: `${spreadText(spread)} KB`, met: spread.median <= limit }]
  }
  return {
    title: 'Memory per connection',
    method:
      `Resident memory of all processes of a server with ${last} receivers of one publisher, less that with ${first}, by the difference: a few seconds after the last came, ` +
      `with ${RATE} packets a second flowing. ${options.runs} servers of each kind. rostra's processes run with ${SMALL_YOUNG_GENERATION} and collect garbage before it is read: ` +
      'the room that V8 takes for garbage is taken once per process, and not per connection. Read the spread too.',
    tables: [
      {
        title: 'KB per connection: median (least–most)',
        head: ['', 'all processes', 'of which the main process'],
        rows: [...results].map(([kind, growths]) => [
          kind,
          spreadText(all(growths)),
          kind.startsWith('rostra') ? spreadText(main(growths)) : '–',
        ]),
      },
    ],
    verdicts: [...verdict('rostra, a subscriber', 80), ...verdict('rostra, a subscriber with a data channel', 130)],
  }
}
