/** Recordings of the same scenario as one SVG: capacity, estimate and what arrived; height of the picture; frames; age. */
import type { Sample } from '../../test/support/impaired/stage.js'
import type { Recording } from './run.js'
import { receivedBps } from './summary.js'

export interface Series {
  name: string
  recording: Recording
  /** Who has estimated the link whose capacity changes: the publisher its own, the server the subscriber's. */
  estimateBps(sample: Sample): number | undefined
}

interface Point {
  x: number
  y: number
}

interface Panel {
  title: string
  max: number
  ticks: number[]
  lines: { points: Point[]; colour: string; dash?: string; step?: boolean }[]
}

const WIDTH = 860
const LEFT = 62
const RIGHT = 16
const TOP = 64
const PANEL = 150
const GAP = 44
const COLOURS = ['#0b62c4', '#c2410c', '#15803d', '#7e22ce']
const GREY = '#6b7280'

const escaped = (text: string) => text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`)
const round = (value: number) => Math.round(value * 10) / 10

/** Round numbers from 0 to at least `most`, about four of them. */
function ticksTo(most: number): number[] {
  const rough = Math.max(most, 1) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step)
}

function panelOf(title: string, lines: Panel['lines']): Panel {
  const most = Math.max(1, ...lines.flatMap(({ points }) => points.map(({ y }) => y)))
  const ticks = ticksTo(most)
  return { title, lines, ticks, max: ticks.at(-1)! }
}

/** Seconds since the first sample. */
const seconds = ({ samples }: Recording, atMs: number) => (atMs - samples[0]!.atMs) / 1_000

function capacity({ recording }: Series): Point[] {
  const { phasesMs, capacitiesBps } = recording
  const end = { ms: phasesMs.at(-1)!, bps: capacitiesBps.at(-1) }
  const changes = capacitiesBps.map((bps, index) => ({ ms: phasesMs[index]!, bps }))
  return [...changes, end]
    .filter(({ bps }) => bps !== undefined)
    .map(({ ms, bps }) => ({ x: seconds(recording, ms), y: bps! / 1_000 }))
}

/** @returns an SVG document */
export function plot(title: string, all: readonly Series[]): string {
  const colour = (index: number) => COLOURS[index % COLOURS.length]!
  const of = (series: Series, value: (sample: Sample) => number | undefined): Point[] =>
    series.recording.samples.flatMap((sample) => {
      const y = value(sample)
      return y === undefined ? [] : [{ x: seconds(series.recording, sample.atMs), y }]
    })
  const frames = ({ recording }: Series): Point[] =>
    recording.samples.slice(1).map(({ atMs, receiver }, index) => {
      const before = recording.samples[index]!
      const count = receiver.framesDecoded - before.receiver.framesDecoded
      return { x: seconds(recording, atMs), y: (count * 1_000) / (atMs - before.atMs) }
    })
  const arrived = ({ recording }: Series) =>
    receivedBps(recording.samples).map(({ atMs, bps }) => ({ x: seconds(recording, atMs), y: bps / 1_000 }))
  const panels = [
    panelOf('kbit/s', [
      { points: capacity(all[0]!), colour: GREY, step: true },
      ...all.map((series, index) => ({ points: arrived(series), colour: colour(index) })),
      ...all.map((series, index) => ({
        points: of(series, (sample) => {
          const bps = series.estimateBps(sample)
          return bps === undefined ? undefined : bps / 1_000
        }),
        colour: colour(index),
        dash: '5 4',
      })),
    ]),
    panelOf(
      'height of the picture, px',
      all.map((series, index) => ({
        points: of(series, ({ receiver }) => receiver.height),
        colour: colour(index),
        step: true,
      })),
    ),
    panelOf(
      'frames per second',
      all.map((series, index) => ({ points: frames(series), colour: colour(index) })),
    ),
    panelOf(
      'age of the picture that is shown, ms',
      all.map((series, index) => ({
        points: of(series, ({ receiver }) => receiver.ageMs),
        colour: colour(index),
      })),
    ),
  ]
  if (all.some(({ recording }) => recording.samples.some(({ server }) => server.spatial !== undefined))) {
    panels.splice(
      1,
      0,
      panelOf(
        'encoding that the server has chosen (0 is the smallest)',
        all.map((series, index) => ({
          points: of(series, ({ server }) => server.spatial),
          colour: colour(index),
          step: true,
        })),
      ),
    )
  }
  const endX = Math.max(...all.map(({ recording }) => seconds(recording, recording.samples.at(-1)!.atMs)))
  const height = TOP + panels.length * (PANEL + GAP)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#111827">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...legend(all, colour),
    ...panels.flatMap((panel, index) => drawn(panel, TOP + index * (PANEL + GAP), endX)),
    '</svg>',
    '',
  ].join('\n')
}

function legend(all: readonly Series[], colour: (index: number) => string): string[] {
  const entries = [
    { text: 'capacity', colour: GREY },
    ...all.map(({ name }, index) => ({ text: `${name}: received`, colour: colour(index) })),
    ...all.flatMap(({ name, recording, estimateBps }, index) =>
      recording.samples.some((sample) => estimateBps(sample) !== undefined)
        ? [{ text: `${name}: estimate`, colour: colour(index), dash: '5 4' }]
        : [],
    ),
  ]
  let x = LEFT
  return entries.map((entry) => {
    const from = x
    x += 40 + entry.text.length * 6.6
    const dash = 'dash' in entry ? ` stroke-dasharray="${entry.dash}"` : ''
    return (
      `<path d="M${from} 38h22" stroke="${entry.colour}" stroke-width="2.5"${dash}/>` +
      `<text x="${from + 27}" y="42">${escaped(entry.text)}</text>`
    )
  })
}

function drawn({ title, max, ticks, lines }: Panel, top: number, endX: number): string[] {
  const x = (value: number) => round(LEFT + (value / endX) * (WIDTH - LEFT - RIGHT))
  const y = (value: number) => round(top + PANEL - (Math.min(value, max) / max) * PANEL)
  const grid = ticks.map(
    (tick) =>
      `<path d="M${LEFT} ${y(tick)}H${WIDTH - RIGHT}" stroke="#e5e7eb"/>` +
      `<text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
  )
  const times = ticksTo(endX)
    .filter((second) => second <= endX)
    .map((second) => `<text x="${x(second)}" y="${top + PANEL + 16}" text-anchor="middle">${second} s</text>`)
  const paths = lines
    .filter(({ points }) => points.length > 1)
    .map(({ points, colour, dash, step }) => {
      const [head, ...rest] = points
      const path = rest
        .map((point) => (step ? `H${x(point.x)}V${y(point.y)}` : `L${x(point.x)} ${y(point.y)}`))
        .join('')
      const dashes = dash ? ` stroke-dasharray="${dash}"` : ''
      return `<path d="M${x(head!.x)} ${y(head!.y)}${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`
    })
  return [`<text x="${LEFT}" y="${top - 6}" font-weight="bold">${escaped(title)}</text>`, ...grid, ...times, ...paths]
}
