/**
 * How well video survives networks that lose, delay and disorder packets: a publisher and a viewer, each behind such
 * a network, thirty seconds of a 1 Mbit/s stream.
 */
import type { LinkConditions } from '../../../src/media/io/simulated-link.js'
import type { Publisher } from '../stage/publisher.js'
import { Stage } from '../stage/stage.js'
import type { Viewer } from '../stage/viewer.js'
import { type Column, percent, seconds } from './table.js'

export interface LossRow {
  name: string
  /** Of publisher to server and of server to viewer; the ways back lose as much, but not in a row. */
  conditions: Partial<LinkConditions>
  /** Bounds of what may come out of it; see `LossOutcome`. */
  atLeast: Partial<LossOutcome>
  atMost: Partial<LossOutcome>
}

export interface LossOutcome {
  /** Share of the frames sent that the viewer could decode. */
  delivered: number
  /** Share of the frames sent that came before a jitter buffer wanted to show them that waits for one repair on each hop. */
  inTime: number
  /** Packets sent again by the publisher, and by the server, as a share of those sent once. */
  againUp: number
  againDown: number
  /** Keyframe requests that reached the publisher, and were sent by the viewer. */
  plisUp: number
  plisDown: number
  /** Time without a new picture behind that jitter buffer: gaps of 190 ms and more (W3C's freezes), and the longest gap. */
  frozenMs: number
  longestGapMs: number
  /** Packets that came a second time under the same number, for which nobody had asked. */
  duplicates: number
}

const FPS = 25
const SECONDS = 30
const RATE_BPS = 1_000_000
/** Of a jitter buffer, besides what the way and repairs take. */
const BUFFER_MS = 60
const FREEZE_MS = 190

/** What a share of lost packets costs: each retransmission may be lost again. A third more for lost and late requests. */
const again = (loss: number) => (loss / (1 - loss)) * 1.34 + 0.002
const quiet = { duplicates: 0, againUp: 0, againDown: 0, plisUp: 3, plisDown: 1 }

/** Loss in both hops. @param inTime share that at least comes within one repair on each hop */
function lossy(loss: number, delayMs: number, inTime: number, atMost: Partial<LossOutcome>): LossRow {
  return {
    name: `${loss * 100} % lost, ${delayMs} ms each way`,
    conditions: { loss, delayMs },
    atLeast: { delivered: 0.99, inTime },
    atMost: { duplicates: 0, againUp: again(loss), againDown: again(loss), plisUp: 4, plisDown: 3, ...atMost },
  }
}

/** Over so long a path a packet that is lost three times in a row costs seconds, whatever is done. */
function farAway(delayMs: number, inTime: number): LossRow {
  const row = lossy(0.05, delayMs, inTime, { plisUp: 6, plisDown: 6, longestGapMs: 4000 })
  return { ...row, atLeast: { delivered: 0.85, inTime } }
}

function bursts(loss: number, burst: number, inTime: number, atMost: Partial<LossOutcome>): LossRow {
  const row = lossy(loss, 20, inTime, atMost)
  return { ...row, name: `${loss * 100} % lost, ${burst} in a row`, conditions: { ...row.conditions, burst } }
}

function overtaken(reorderMs: number, atMost: Partial<LossOutcome>): LossRow {
  return {
    name: `5 % overtaken by ${reorderMs} ms`,
    conditions: { delayMs: 20, reorder: 0.05, reorderMs },
    atLeast: { delivered: 0.999, inTime: 0.99 },
    atMost: { duplicates: 0, plisUp: 3, plisDown: 3, frozenMs: 0, ...atMost },
  }
}

function jittery(jitterMs: number, inTime: number, atMost: Partial<LossOutcome>): LossRow {
  return {
    name: `2 % lost, up to ${jitterMs} ms of jitter`,
    conditions: { loss: 0.02, delayMs: 20, jitterMs },
    atLeast: { delivered: 0.999, inTime },
    // Some answers come later than was expected, and are asked for again.
    atMost: { duplicates: 0, againUp: 0.05, againDown: 0.06, plisUp: 3, plisDown: 3, ...atMost },
  }
}

export const lossRows: readonly LossRow[] = [
  {
    name: 'nothing lost',
    conditions: { delayMs: 20 },
    atLeast: { delivered: 1, inTime: 1 },
    atMost: { ...quiet, longestGapMs: 41 },
  },
  lossy(0.01, 20, 0.99, { longestGapMs: 190 }),
  lossy(0.02, 20, 0.99, { longestGapMs: 190 }),
  lossy(0.05, 20, 0.95, { longestGapMs: 300 }),
  lossy(0.1, 20, 0.82, { longestGapMs: 500 }),
  lossy(0.15, 20, 0.55, { longestGapMs: 800 }),
  lossy(0.2, 20, 0.3, { longestGapMs: 1200 }),
  bursts(0.02, 5, 0.97, { longestGapMs: 400 }),
  bursts(0.05, 5, 0.94, { longestGapMs: 500 }),
  bursts(0.05, 20, 0.88, { longestGapMs: 1000 }),
  bursts(0.1, 10, 0.8, { longestGapMs: 1000 }),
  lossy(0.05, 10, 0.95, { longestGapMs: 300 }),
  lossy(0.05, 50, 0.93, { longestGapMs: 500 }),
  lossy(0.05, 100, 0.88, { longestGapMs: 1000 }),
  farAway(200, 0.8),
  farAway(300, 0.75),
  jittery(30, 0.97, { longestGapMs: 300 }),
  jittery(100, 0.95, { longestGapMs: 500 }),
  overtaken(10, { againUp: 0.005, longestGapMs: 100 }),
  overtaken(30, { againUp: 0.005, longestGapMs: 100 }),
  overtaken(80, { againUp: 0.06, longestGapMs: 200 }),
  {
    name: '10 % twice',
    conditions: { delayMs: 20, duplicate: 0.1 },
    atLeast: { delivered: 1, inTime: 1 },
    atMost: quiet,
  },
  {
    name: 'a bad radio link',
    conditions: { loss: 0.08, burst: 4, delayMs: 60, jitterMs: 40, reorder: 0.03, reorderMs: 20, duplicate: 0.01 },
    atLeast: { delivered: 0.99, inTime: 0.75 },
    atMost: { duplicates: 0, againUp: 0.2, againDown: 0.25, longestGapMs: 1500 },
  },
]

export const lossColumns: readonly Column<LossOutcome>[] = [
  { key: 'delivered', title: 'frames', format: percent },
  { key: 'inTime', title: 'in time', format: percent },
  { key: 'frozenMs', title: 'frozen', format: seconds },
  { key: 'longestGapMs', title: 'longest gap', format: (ms) => `${Math.round(ms)} ms` },
  { key: 'againUp', title: 'again ↑', format: percent },
  { key: 'againDown', title: 'again ↓', format: percent },
  { key: 'plisUp', title: 'keyframes asked ↑', format: (value) => value.toFixed(1) },
  { key: 'plisDown', title: 'asked ↓', format: (value) => value.toFixed(1) },
]

/** Plays a row once. */
export async function playLoss({ conditions }: LossRow, seed: number): Promise<LossOutcome> {
  const { delayMs = 1, jitterMs = 0 } = conditions
  const stage = new Stage(seed, { conditions: { delayMs, jitterMs } })
  const speaker = stage.publisher({ video: true, rateBps: RATE_BPS })
  const viewer = stage.viewer(speaker, { rttMs: 2 * delayMs + jitterMs })
  stage.connect()
  for (const client of [speaker, viewer]) client.link({ ...conditions, burst: 0 })
  speaker.uplink(conditions)
  viewer.downlink(conditions)
  const frames = FPS * SECONDS
  speaker.sendFrames(frames, { fps: FPS })
  stage.run(SECONDS * 1000)
  // The last losses show when the stream goes on: over a perfect network for that.
  for (const client of [speaker, viewer]) client.link({ delayMs, loss: 0, reorder: 0, duplicate: 0 })
  speaker.sendFrames(FPS * 3, { fps: FPS })
  stage.run(5000)
  const { totals } = stage.worker.counters
  const outcome = {
    ...shown(speaker, viewer, frames, 2 * (delayMs + jitterMs), 4 * delayMs + jitterMs + BUFFER_MS),
    againUp: speaker.resent / speaker.videoPackets,
    againDown: totals.rtx_sent! / totals.forwarded_packets!,
    plisUp: speaker.keyframeRequestsMs.length,
    plisDown: viewer.video.plis,
    duplicates: viewer.video.mediaDuplicates,
  }
  await stage.close()
  return outcome
}

/** What a jitter buffer of `bufferMs` makes of the first `frames` frames. @param wayMs from publisher to viewer */
function shown(speaker: Publisher, viewer: Viewer, frames: number, wayMs: number, bufferMs: number) {
  const decoded = viewer.video.frames.filter(({ frame }) => frame < frames)
  let inTime = 0
  let frozenMs = 0
  let longestGapMs = 0
  let lastMs = Number.POSITIVE_INFINITY
  for (const { frame, atMs } of decoded) {
    const wantedMs = speaker.sentMs[frame]! + wayMs + bufferMs
    if (atMs <= wantedMs) inTime++
    const shownMs = Math.max(atMs, wantedMs)
    const gapMs = shownMs - lastMs
    if (gapMs >= FREEZE_MS) frozenMs += gapMs
    longestGapMs = Math.max(longestGapMs, gapMs)
    lastMs = shownMs
  }
  return { delivered: decoded.length / frames, inTime: inTime / frames, frozenMs, longestGapMs }
}
