/** The closed loop: estimate, allocation, pacing and probing against links in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call, type CallOptions, run, type Sample } from './testing/call.js'
import { Link, type LinkOptions } from './testing/link.js'

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const arrived = (samples: Sample[]) => mean(samples.map(({ arrivedBps }) => arrivedBps))
/** Share of time at the level or above. */
const at = (samples: Sample[], level: number) =>
  mean(samples.flatMap(({ levels }) => levels.map((is) => (is >= level ? 1 : 0))))
/** What 95 % of the samples are not above. */
const queueMs = (samples: Sample[]) =>
  samples.map((sample) => sample.queueMs).sort((a, b) => a - b)[Math.floor(samples.length * 0.95)]!

/** A call of 40 s; what is asked of its last 30. Layers take 0.15, 0.5 and 1.7 Mbit/s, audio 0.06. */
interface Steady extends Partial<LinkOptions> {
  /** The level that it is at for at least 90 % of the time. */
  level: number
  call?: CallOptions
  /** Within this it is there for the first time. */
  withinMs?: number
}

const steady: Steady[] = [
  { level: 2, rateBps: 3_000_000, delayMs: 10, withinMs: 1000 },
  { level: 2, rateBps: 3_000_000, delayMs: 100, withinMs: 2000 },
  { level: 2, rateBps: 3_000_000, delayMs: 300, withinMs: 4000 },
  { level: 2, rateBps: 3_000_000, loss: 0.02, withinMs: 1500 },
  { level: 2, rateBps: 3_000_000, loss: 0.05, withinMs: 1500 },
  { level: 2, rateBps: 3_000_000, loss: 0.1 },
  { level: 2, rateBps: 3_000_000, loss: 0.2 },
  { level: 2, rateBps: 3_000_000, delayMs: 300, loss: 0.1 },
  { level: 2, rateBps: 3_000_000, jitterMs: 20, withinMs: 3000 },
  { level: 1, rateBps: 1_000_000, withinMs: 1500 },
  { level: 1, rateBps: 1_000_000, loss: 0.1 },
  { level: 1, rateBps: 1_000_000, delayMs: 300 },
  { level: 0, rateBps: 300_000 },
  { level: 0, rateBps: 300_000, loss: 0.1 },
  // Not even the small layer beside the audio.
  { level: -1, rateBps: 100_000 },
]

for (const { level, withinMs, ...link } of steady) {
  test(`steady: ${JSON.stringify(link)} ends at level ${level}`, () => {
    const call = new Call(new Link(link))
    run([call], 0, 40_000)
    const settled = call.between(10_000, 40_000)
    assert.ok(at(settled, level) > 0.9, `at it ${at(settled, level)} of the time`)
    assert.ok(at(settled, level + 1) < 0.1, `above it ${at(settled, level + 1)} of the time`)
    assert.ok(queueMs(settled) < 100, `queue ${queueMs(settled)} ms`)
    const firstMs = call.samples.find(({ levels }) => levels[0]! >= level)!.atMs
    if (withinMs !== undefined) assert.ok(firstMs <= withinMs, `first after ${firstMs} ms`)
  })
}

for (const delayMs of [10, 50, 150]) {
  for (const loss of [0, 0.05]) {
    test(`steps: 3 Mbit/s → 300 kbit/s → 3 Mbit/s, ${delayMs} ms, ${loss * 100} % of loss`, () => {
      const link = new Link({ rateBps: 3_000_000, delayMs, loss })
      const call = new Call(link)
      run([call], 0, 15_000)
      assert.equal(call.samples.at(-1)!.levels[0], 2)
      link.options.rateBps = 300_000
      run([call], 15_000, 45_000)
      assert.ok(at(call.between(17_000, 20_000), 1) === 0, 'the small layer within 2 s')
      assert.ok(at(call.between(17_000, 45_000), 0) > 0.9, 'and not nothing')
      assert.ok(queueMs(call.between(20_000, 45_000)) < 100, `queue ${queueMs(call.between(20_000, 45_000))} ms`)
      link.options.rateBps = 3_000_000
      run([call], 45_000, 65_000)
      const back = call.between(45_000, 65_000).find(({ levels }) => levels[0] === 2)
      assert.ok(back !== undefined && back.atMs <= 55_000, `back after ${(back?.atMs ?? Number.NaN) - 45_000} ms`)
    })
  }
}

test('steps: what the link holds is used to two thirds at least, whatever it is', () => {
  const ladder = Array.from({ length: 12 }, (_, i) => ({ spatial: i, temporal: 0, rateBps: 100_000 * 1.4 ** i }))
  for (const rateBps of [500_000, 1_000_000, 2_000_000, 4_000_000]) {
    const call = new Call(new Link({ rateBps }), { ladder })
    run([call], 0, 40_000)
    const used = arrived(call.between(10_000, 40_000)) / rateBps
    assert.ok(used > 0.66 && used < 1, `${used} of ${rateBps}`)
  }
})

test('a link that goes dead for three seconds: back to the best layer within ten', () => {
  const link = new Link({ rateBps: 3_000_000 })
  const call = new Call(link)
  run([call], 0, 10_000)
  link.options.loss = 1
  run([call], 10_000, 13_000)
  assert.ok(call.samples.at(-1)!.estimateBps < 2_000_000, `${call.samples.at(-1)!.estimateBps} while nothing is heard`)
  link.options.loss = 0
  run([call], 13_000, 23_000)
  assert.equal(call.samples.at(-1)!.levels[0], 2)
})

for (const seed of [1, 2, 3, 4, 5]) {
  test(`fairness: two subscribers on one link, the second 10 s later, seed ${seed}`, () => {
    for (const rateBps of [1_500_000, 4_800_000]) {
      const link = new Link({ seed, rateBps })
      const calls = [new Call(link), new Call(link)]
      run(calls.slice(0, 1), 0, 10_000)
      run(calls, 10_000, 60_000)
      const rates = calls.map((call) => arrived(call.between(30_000, 60_000)))
      // Jain's index: 1 = equal, 0.5 = one has all.
      const index = (rates[0]! + rates[1]!) ** 2 / (2 * (rates[0]! ** 2 + rates[1]! ** 2))
      assert.ok(index > 0.8, `${rates} is ${index}`)
      for (const call of calls) {
        const samples = call.between(30_000, 60_000)
        assert.ok(at(samples, 0) > 0.9, `pictures ${at(samples, 0)} of the time`)
        assert.ok(queueMs(samples) < 150, `queue ${queueMs(samples)} ms`)
      }
    }
  })
}

test('four connections of one client share one estimate: all get the same, and the link is not filled', () => {
  for (const [rateBps, level] of [
    [12_000_000, 2],
    [3_000_000, 0],
    [1_500_000, 0],
  ] as const) {
    const call = new Call(new Link({ rateBps }), { connections: 4 })
    run([call], 0, 40_000)
    const settled = call.between(10_000, 40_000)
    assert.ok(at(settled, level) > 0.95, `${rateBps}: ${at(settled, level)}`)
    assert.ok(queueMs(settled) < 150, `queue ${queueMs(settled)} ms`)
    const means = [0, 1, 2, 3].map((i) => mean(settled.map(({ levels }) => levels[i]!)))
    if (level === 2) assert.ok(Math.max(...means) - Math.min(...means) < 0.1, `${means}`)
  }
})

test('the same seed gives the same run', () => {
  const runs = [1, 1, 2].map((seed) => {
    const call = new Call(new Link({ seed, loss: 0.05, jitterMs: 5, rateBps: 1_000_000 }))
    run([call], 0, 5000)
    return call.samples
  })
  assert.deepEqual(runs[0], runs[1])
  assert.notDeepEqual(runs[0], runs[2])
})
