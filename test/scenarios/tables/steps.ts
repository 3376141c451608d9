/**
 * What a viewer gets whose link becomes thin and recovers: 5 s of a good link, 14 s of a thin one, and the good one again
 * until the best layer comes. The publisher sends encodings of three temporal layers, frames that differ in size, and sound.
 */
import type { LinkConditions } from '../../../src/media/io/simulated-link.js'
import { LayeredPublisher } from '../stage/layered.js'
import { type Arrival, NumberedViewer } from '../stage/numbered-viewer.js'
import { Stage } from '../stage/stage.js'
import { type Bounds, type Column, percent, seconds, whole } from './table.js'

export interface StepRow extends Bounds<StepOutcome> {
  name: string
  /** Of the encodings in bit/s, ascending. */
  rates: readonly number[]
  thinBps: number
  /** The layer that fits the thin link. */
  fits: number
  link: Partial<LinkConditions>
  /** The viewer tells REMB only. */
  remb?: boolean
}

export interface StepOutcome {
  /** After the begin: until the best layer comes. */
  beganMs: number
  /** After the link became thin: until nothing comes any more of a layer that does not fit. */
  downMs: number
  /** After it recovered: until the best layer comes again. */
  upMs: number
  /** Longest time without a whole picture, from the step down on until the second after the small one came. */
  gapMs: number
  /** In the second half of the thin time: pictures per second, share of the capacity that is video, and waits for the link. */
  pictures: number
  used: number
  /** Share of the sound that came, of the whole thin time. */
  heard: number
  queueMs: number
  worstQueueMs: number
}

const GOOD_BPS = 3_000_000
const GOOD_MS = 5000
const THIN_MS = 14_000
const BACK_MS = 14_000
const SAMPLE_MS = 10

/** Of the issue: down within 2 s, up within 10 s. Of pictures there are 25 a second. */
const always = {
  atLeast: { pictures: 24, heard: 0.95 },
  atMost: { beganMs: 2500, downMs: 2000, upMs: 10_000, gapMs: 1500, queueMs: 60, worstQueueMs: 200 },
}

/** What the pages of `bench/impaired` send. */
const two = [160_000, 1_300_000]
const three = [150_000, 500_000, 1_700_000]

export const stepRows: readonly StepRow[] = [
  step('300 kbit/s, two encodings', { rates: two, thinBps: 300_000 }, { used: 0.5 }),
  step('the same, 80 ms each way', { rates: two, thinBps: 300_000, link: { delayMs: 80 } }, { used: 0.5 }),
  // What is in a queue of two seconds has to come through first.
  step(
    'the same, a queue of 2 s',
    { rates: two, thinBps: 300_000, link: { queueMs: 2000 } },
    { used: 0.5 },
    { downMs: 3000, gapMs: 1200 },
  ),
  step('the same, 2 % lost', { rates: two, thinBps: 300_000, link: { loss: 0.02 } }, { used: 0.5 }),
  step('the same, 20 ms of jitter', { rates: two, thinBps: 300_000, link: { jitterMs: 20 } }, { used: 0.5 }),
  step('300 kbit/s, three encodings', { rates: three, thinBps: 300_000 }, { used: 0.5 }),
  step('800 kbit/s, three encodings', { rates: three, thinBps: 800_000, fits: 1 }, { used: 0.6 }),
  // The smallest picture does not fit; sound takes 59 kbit/s with all headers.
  step('100 kbit/s: sound alone', { rates: two, thinBps: 100_000, fits: -1 }, { pictures: 0 }, { downMs: 3000 }),
  // Not paced: large layers come through now and then, and fill the queue. How long, and how full, is not bounded.
  {
    ...step('300 kbit/s, REMB only', { rates: two, thinBps: 300_000, remb: true }, {}),
    atLeast: { pictures: 12, used: 0.45, heard: 0.92 },
    atMost: { beganMs: 2500, upMs: 10_000, gapMs: 1500, queueMs: 60 },
  },
]

function step(
  name: string,
  row: Pick<StepRow, 'rates' | 'thinBps'> & Partial<StepRow>,
  atLeast: Partial<StepOutcome>,
  atMost: Partial<StepOutcome> = {},
): StepRow {
  const bounds = { atLeast: { ...always.atLeast, ...atLeast }, atMost: { ...always.atMost, ...atMost } }
  return { fits: 0, name, ...row, ...bounds, link: { delayMs: 20, queueMs: 500, ...row.link } }
}

export const stepColumns: readonly Column<StepOutcome>[] = [
  { key: 'beganMs', title: 'best layer at first', format: seconds },
  { key: 'downMs', title: 'down', format: seconds },
  { key: 'gapMs', title: 'no picture', format: seconds },
  { key: 'upMs', title: 'up', format: seconds },
  { key: 'pictures', title: 'pictures/s', format: (value) => value.toFixed(1) },
  { key: 'used', title: 'used', format: percent },
  { key: 'heard', title: 'heard', format: percent },
  { key: 'queueMs', title: 'wait, median', format: (ms) => `${whole(ms)} ms` },
  { key: 'worstQueueMs', title: '95 %', format: (ms) => `${whole(ms)} ms` },
]

/** Plays a row once. */
export async function playStep({ rates, thinBps, fits, link, remb }: StepRow, seed: number): Promise<StepOutcome> {
  const stage = new Stage(seed, { conditions: { delayMs: link.delayMs! } })
  const publisher = new LayeredPublisher(stage, { rates, temporal: true, sound: true, variance: 0.5 })
  const viewer = new NumberedViewer(stage, publisher, { sound: true, remb: remb ?? false })
  const way = viewer.behind({ ...link, rateBps: GOOD_BPS })
  const become = (rateBps: number) => {
    way.conditions = { ...way.conditions, rateBps }
    return stage.nowMs
  }
  const waits: number[] = []
  const run = (ms: number) => {
    for (const untilMs = stage.nowMs + ms; stage.nowMs < untilMs; ) {
      stage.run(SAMPLE_MS)
      waits.push(way.queueMs(stage.nowMs))
    }
  }
  stage.connect()
  publisher.begin()
  const beginMs = stage.nowMs
  run(GOOD_MS)
  const thinMs = become(thinBps)
  const [sent, heard] = [publisher.sounds, viewer.sounds]
  run(THIN_MS / 2)
  waits.length = 0
  run(THIN_MS / 2)
  const sorted = waits.toSorted((a, b) => a - b)
  const heardShare = (viewer.sounds - heard) / (publisher.sounds - sent)
  const goodMs = become(GOOD_BPS)
  const best = rates.length - 1
  const isBack = () => viewer.between(goodMs, stage.nowMs).some(({ layer }) => layer === best)
  for (let ms = 0; ms < BACK_MS && !isBack(); ms += 100) run(100)
  const first = (sinceMs: number) =>
    (viewer.arrivals.find((is) => is.atMs > sinceMs && is.layer === best)?.atMs ?? Infinity) - sinceMs
  const thin = viewer.between(thinMs, goodMs)
  const half = [goodMs - THIN_MS / 2, goodMs] as const
  const downMs = (thin.findLast(({ layer }) => layer > fits)?.atMs ?? thinMs) - thinMs
  const outcome = {
    beganMs: first(beginMs),
    downMs,
    upMs: first(goodMs),
    gapMs: longestGapMs(thin.filter(({ atMs }) => atMs < thinMs + downMs + 1000)),
    pictures: viewer.pictures(...half),
    used: viewer.rateBps(...half) / thinBps,
    heard: heardShare,
    queueMs: sorted[sorted.length >> 1]!,
    worstQueueMs: sorted[Math.floor(sorted.length * 0.95)]!,
  }
  await stage.close()
  return outcome
}

/** Between pictures. */
function longestGapMs(arrivals: readonly Arrival[]): number {
  const ends = arrivals.filter(({ marker }) => marker).map(({ atMs }) => atMs)
  return Math.max(0, ...ends.map((atMs, i) => (i === 0 ? 0 : atMs - ends[i - 1]!)))
}
