/** Resident memory per connection. */
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../../test/support/resident.js'
import { separate } from '../load/cpu.js'
import { DataStar, textroomData } from '../peers/data-star.js'
import { JanusApiStar, sfuWords, videoroomWords } from '../peers/janus-api-star.js'
import { labels, type SubjectName, startJanus, startRostra } from '../peers/open.js'
import type { Star } from '../peers/star.js'
import { barChart } from '../report/bars.js'
import type { Verdict } from '../report/markdown.js'
import { figure, ratioOf, spreadOf, spreadText } from '../report/spread.js'
import { attempt, warmUp } from './measure.js'
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

interface Kind {
  readonly title: string
  readonly subject: SubjectName
  open(): Promise<Star | undefined>
}

const aSubscriber: Kind = {
  title: 'rostra, a subscriber',
  subject: 'rostra',
  open: async () => JanusApiStar.open(await startOurs(), sfuWords()),
}
const withChannel: Kind = {
  title: 'rostra, a subscriber with a data channel',
  subject: 'rostra',
  open: async () => JanusApiStar.open(await startOurs(), sfuWords(), true),
}
const videoroom = (subject: 'janus' | 'janus-one-loop', name: string): Kind => ({
  title: `Janus videoroom${name}, a subscriber`,
  subject,
  open: async () => {
    const server = await startJanus(subject)
    return server && JanusApiStar.open(server, videoroomWords)
  },
})
const videoroomOneLoop = videoroom('janus-one-loop', ', event_loops=1')
const textroom: Kind = {
  title: 'Janus textroom, event_loops=1, data channel only',
  subject: 'janus-one-loop',
  open: async () => {
    const server = await startJanus('janus-one-loop')
    return server && DataStar.open(server, textroomData)
  },
}
const kinds: readonly Kind[] = [aSubscriber, withChannel, videoroom('janus', ''), videoroomOneLoop, textroom]

/** KB per subscriber. */
const targets = new Map([
  [aSubscriber, 80],
  [withChannel, 130],
])

interface Growth {
  /** KB per connection, of all processes and of the first (with rostra: signalling). */
  readonly all: number
  readonly first: number
}

export const memory: Part = {
  name: 'memory',
  minutes: 8,
  subjects: ['rostra', 'janus', 'janus-one-loop'],
  async run(options) {
    return report(await measureAll(options), options)
  },
}

const sizes = ({ quick }: PartOptions) => (quick ? QUICK : ([FIRST, LAST] as const))

/** Of each kind, one for each run; undefined: that one failed. */
type Results = Map<Kind, (Growth | undefined)[]>

async function measureAll(options: PartOptions): Promise<Results> {
  const { runs, only, say } = options
  const results: Results = new Map()
  for (let run = 1; run <= runs; run++) {
    for (const kind of kinds.filter(({ subject }) => only.includes(subject))) {
      // One that cannot do it has no figures; the others go on.
      const growth = await attempt(`run ${run}: ${kind.title} failed`, measureKind(kind, options), say)
      if (growth === 'not here') continue
      results.set(kind, [...(results.get(kind) ?? []), growth])
      if (growth) say(`run ${run}: ${kind.title}: ${figure(growth.all)} KB`)
    }
  }
  return results
}

async function measureKind(kind: Kind, options: PartOptions): Promise<Growth | 'not here'> {
  const star = await kind.open()
  if (!star) return 'not here'
  try {
    separate(star.pids)
    return await measureOne(star, sizes(options), kind.subject === 'rostra')
  } finally {
    await star.close()
  }
}

async function measureOne(star: Star, [first, last]: readonly [number, number], collects: boolean): Promise<Growth> {
  const read = async (connections: number) => {
    await star.grow(connections)
    await warmUp(star, RATE, PAYLOAD_BYTES, SECONDS)
    if (collects) {
      for (const pid of star.pids) process.kill(pid, COLLECT)
      await sleep(COLLECTED_MS)
    }
    return star.pids.map((pid) => residentBytes(pid) / 1_024)
  }
  const before = await read(first)
  const after = await read(last)
  const each = after.map((kb, index) => (kb - before[index]!) / (last - first))
  return { all: each.reduce((sum, kb) => sum + kb, 0), first: each[0]! }
}

const all = (growths: readonly (Growth | undefined)[] = []) => growths.map((growth) => growth?.all)
const spread = (growths: readonly (Growth | undefined)[] = [], of: (growth: Growth) => number = ({ all }) => all) =>
  spreadOf(growths.flatMap((growth) => (growth ? [of(growth)] : [])))

function report(results: Results, options: PartOptions): PartReport {
  const [first, last] = sizes(options)
  const theirs = all(results.get(videoroomOneLoop))
  return {
    title: 'Memory per connection',
    method:
      `Resident memory of all processes of a server with ${last} receivers of one publisher, less that with ${first}, by the difference: a few seconds after the last came, ` +
      `with ${RATE} packets a second flowing. ${options.runs} servers of each kind, one after the other in turn: only the one that is measured is up. rostra's processes run with ` +
      `${SMALL_YOUNG_GENERATION} and collect garbage before it is read: the room that V8 takes for garbage is taken once per process, and not per connection. Read the spread too.`,
    tables: [
      {
        title: 'KB per connection: median (least–most)',
        head: ['', 'all processes', 'of which the main process', `/ ${videoroomOneLoop.title}, of each run`],
        rows: [...results].map(([kind, growths]) => [
          kind.title,
          spreadText(spread(growths)),
          kind.subject === 'rostra' ? spreadText(spread(growths, ({ first }) => first)) : '–',
          kind === videoroomOneLoop ? '–' : spreadText(ratioOf(all(growths), theirs)),
        ]),
      },
    ],
    verdicts: [...targets].flatMap(([kind, limitKb]) => verdict(kind, results.get(kind), limitKb)),
    svg: barChart('Memory per connection', [
      {
        title: 'KB, all processes: median, least and most of the runs; dashed: the targets for rostra',
        targets: [...targets.values()],
        bars: [...results].map(([kind, growths]) => ({
          label: kind.title,
          group: labels[kind.subject],
          spread: spread(growths),
        })),
      },
    ]),
  }
}

function verdict({ title }: Kind, growths: readonly (Growth | undefined)[] | undefined, limitKb: number): Verdict[] {
  const measured = spread(growths)
  if (Number.isNaN(measured.median)) return []
  return [
    { target: `${title}: ≤ ${limitKb} KB`, measured: `${spreadText(measured)} KB`, met: measured.median <= limitKb },
  ]
}
