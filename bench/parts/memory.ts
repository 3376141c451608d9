/** Resident memory per connection. */
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

const kinds = {
  'rostra, a subscriber': async () => JanusApiStar.open(await startRostra(), sfuWords()),
  'rostra, a subscriber with a data channel': async () => JanusApiStar.open(await startRostra(), sfuWords(), true),
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
        const growth = await measureOne(star, sizes(options))
        results.set(kind, [...(results.get(kind) ?? []), growth])
        say(`run ${run}: ${kind}: ${figure(growth.all)} KB`)
      } finally {
        await star.close()
      }
    }
  }
  return results
}

async function measureOne(star: Star, [first, last]: readonly [number, number]): Promise<Growth> {
  const read = async (connections: number) => {
    await star.grow(connections)
    await warmUp(star, RATE, PAYLOAD_BYTES, SECONDS)
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
      `with ${RATE} packets a second flowing. ${options.runs} servers of each kind. A Node heap grows in steps and with garbage: read the spread too.`,
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
