import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RelayFigures, Sample } from '../../test/support/impaired/stage.js'
import { plot } from './plot.js'
import type { Recording } from './run.js'
import { summarise } from './summary.js'

const nothing = {
  offered: 0,
  delivered: 0,
  deliveredBytes: 0,
  lost: 0,
  overflow: 0,
  duplicated: 0,
  queueMs: 0,
  queueMaxMs: 0,
}

interface Figures {
  frames: number
  encoded: number
  drawn?: number
  bytes: number
  frozenMs?: number
  overflow?: number
  queueMaxMs?: number
  limitedBy?: string
}

function sample(atMs: number, figures: Figures): Sample {
  const {
    frames,
    encoded,
    drawn = encoded,
    bytes,
    frozenMs,
    overflow = 0,
    queueMaxMs = 0,
    limitedBy = 'none',
  } = figures
  const encoding = { rid: '', active: true, width: 640, height: 360, bytes: 0, targetBps: 0, retransmitted: 0 }
  const links: RelayFigures['links'] = { subscriber: { up: nothing, down: { ...nothing, overflow, queueMaxMs } } }
  return {
    atMs,
    sender: { framesDrawn: drawn, availableBps: 0, encodings: [{ ...encoding, framesEncoded: encoded, limitedBy }] },
    receiver: {
      ...{
        atMs,
        width: 640,
        height: 360,
        framesDecoded: frames,
        framesReceived: frames,
        framesDropped: 0,
        ageMs: atMs / 100,
      },
      ...{ freezes: frozenMs === undefined ? undefined : 1, frozenMs, bytes, packets: 0, lost: 0, nacks: 0, plis: 0 },
      ...{ retransmitted: 0, jitterBufferMs: frames * 40, jitterBufferFrames: frames },
      ...{ audioPackets: 0, audioConcealed: atMs / 10, audioSamples: atMs },
    },
    server: {},
    relay: { links, late: { p50Ms: 0, p99Ms: 0, maxMs: 0 } },
  }
}

const steady = (samples: Sample[]): Recording => ({
  samples,
  phasesMs: [samples[0]!.atMs, samples.at(-1)!.atMs],
  capacitiesBps: [undefined],
})

test('frames, bitrate and delays are those between the first and the last sample', () => {
  const at = (atMs: number, frames: number) =>
    sample(atMs, { frames, encoded: frames * 2, drawn: frames * 4, bytes: frames * 500, frozenMs: 300 })
  const summary = summarise(steady([at(5_000, 100), at(5_500, 110), at(6_000, 120)]))
  const { frozenMs, framesPerSecond, encoded, delivered, receivedBps } = summary
  assert.deepEqual([frozenMs, framesPerSecond, encoded, delivered, receivedBps], [0, 20, 0.5, 0.25, 80_000])
  assert.deepEqual(summary.ageMs, { p50: 55, p90: 60 })
  const { jitterBufferMs, concealed, height, cpuLimited } = summary
  assert.deepEqual([jitterBufferMs, concealed, height, cpuLimited], [40, 0.1, 360, false])
})

test('encoded is what was in the size that is shown', () => {
  const samples = [0, 500, 1_000].map((atMs) => sample(atMs, { frames: 0, encoded: 0, drawn: atMs / 10, bytes: 0 }))
  for (const [index, { sender, receiver }] of samples.entries()) {
    const [only] = sender.encodings
    const small = { ...only!, rid: 'small', height: 180, framesEncoded: 10 * index }
    const large = { ...only!, rid: 'large', height: 360, framesEncoded: 40 * index }
    sender.encodings = [small, large]
    receiver.height = index === 1 ? 360 : 180
  }
  assert.equal(summarise(steady(samples)).encoded, 0.5)
})

test('what stands still at the end is frozen, though the browser has not counted it yet', () => {
  const at = (atMs: number, frames: number) => sample(atMs, { frames, encoded: 0, bytes: 0, frozenMs: 200 })
  const { frozenMs, freezes } = summarise(steady([at(0, 0), at(500, 10), at(1_000, 20), at(1_500, 20), at(2_000, 20)]))
  assert.deepEqual([frozenMs, freezes], [1_000, 1])
})

test('a browser that counts no freezes is watched', () => {
  const at = (atMs: number, frames: number) => sample(atMs, { frames, encoded: 0, bytes: 0 })
  const { frozenMs, freezes } = summarise(steady([at(0, 0), at(500, 0), at(1_000, 9), at(1_500, 9), at(2_000, 9)]))
  assert.deepEqual([frozenMs, freezes], [1_500, 2])
})

test('a sample of a publisher without CPU makes the row worthless', () => {
  const at = (atMs: number, limitedBy: string) => sample(atMs, { frames: 0, encoded: 0, bytes: 0, limitedBy })
  assert.ok(summarise(steady([at(0, 'none'), at(500, 'cpu'), at(1_000, 'none')])).cpuLimited)
})

/** 1 Mbit/s, at 5 s a step to 200 kbit/s that is met at 7 s, at 15 s a step back that is used from 18 s on. */
function stepped(): Recording {
  const samples: Sample[] = []
  let bytes = 0
  let overflow = 0
  for (let atMs = 0; atMs <= 25_000; atMs += 500) {
    samples.push(
      sample(atMs, {
        frames: atMs / 50,
        encoded: atMs / 50,
        bytes,
        frozenMs: 0,
        overflow,
        queueMaxMs: atMs === 6_000 ? 240 : 5,
      }),
    )
    const thin = atMs >= 5_000 && atMs < 18_000
    bytes += ((thin ? 160_000 : 1_000_000) / 8) * 0.5
    if (atMs >= 5_000 && atMs < 7_000) overflow += 10
  }
  return { samples, phasesMs: [0, 5_000, 15_000, 25_000], capacitiesBps: [1e6, 2e5, 1e6] }
}

test('steps: when the thin link was met, how it was used, and when the bitrate was back', () => {
  const { downMs, thinUse, upMs, queueMs, thinQueueMs } = summarise(stepped())
  assert.equal(downMs, 2_000)
  assert.equal(thinUse, 0.8)
  assert.equal(upMs, 4_000)
  assert.deepEqual([queueMs, thinQueueMs], [240, 5])
})

test('a thin link that is never met has no time', () => {
  const recording = stepped()
  for (const [index, { relay }] of recording.samples.entries()) relay.links.subscriber!.down.overflow = index
  assert.equal(summarise(recording).downMs, undefined)
})

test('the plot has a line for the capacity and one for each series, and no text of its own in the markup', () => {
  const svg = plot('a <b>', [
    { name: 'one', recording: stepped(), estimateBps: () => 400_000 },
    { name: 'two', recording: stepped(), estimateBps: () => undefined },
  ])
  assert.match(svg, /^<svg [^>]*viewBox="0 0 860 \d+"/)
  assert.ok(svg.includes('<title>a &#60;b&#62;</title>') && !svg.includes('<b>'))
  // Capacity, two bitrates, one estimate, two heights, two frame rates, two ages.
  assert.equal(svg.match(/fill="none"/g)?.length, 10)
  assert.ok(!/NaN|undefined|Infinity/.test(svg))
})
