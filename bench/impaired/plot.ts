/** Recordings of the same scenario as one SVG: capacity, estimate and what arrived; height of the picture; frames; age. */
import type { Sample } from '../../test/support/impaired/stage.js'
import { COLOURS, GREY, type LegendEntry, linearAxis, type Point, panelOf, svgOf } from '../report/svg.js'
import type { Recording } from './run.js'
import { receivedBps } from './summary.js'

/** Frames are counted in no less. */
const SHORTEST_MS = 250

export interface Series {
  name: string
  recording: Recording
  /** Who has estimated the link whose capacity changes: the publisher its own, the server the subscriber's. */
  estimateBps(sample: Sample): number | undefined
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
    recording.samples.slice(1).flatMap(({ atMs, receiver }, index) => {
      const before = recording.samples[index]!
      // Between two phases, and at the end, samples follow each other at once.
      if (atMs - before.atMs < SHORTEST_MS) return []
      const count = receiver.framesDecoded - before.receiver.framesDecoded
      return [{ x: seconds(recording, atMs), y: (count * 1_000) / (atMs - before.atMs) }]
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
  return svgOf(title, legend(all, colour), panels, linearAxis(endX, ' s'))
}

function legend(all: readonly Series[], colour: (index: number) => string): LegendEntry[] {
  return [
    { text: 'capacity', colour: GREY },
    ...all.map(({ name }, index) => ({ text: `${name}: received`, colour: colour(index) })),
    ...all.flatMap(({ name, recording, estimateBps }, index) =>
      recording.samples.some((sample) => estimateBps(sample) !== undefined)
        ? [{ text: `${name}: estimate`, colour: colour(index), dash: '5 4' }]
        : [],
    ),
  ]
}
