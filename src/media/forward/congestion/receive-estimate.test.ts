import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReceiveEstimate } from './receive-estimate.js'
import { SendClock } from './send-clock.js'
import { Link, type LinkOptions } from './testing/link.js'

const MAX_BPS = 4_000_000

/** A publisher that sends what it is asked for, at most `wishBps`, grows 8 % a second, and hears of the estimate after 50 ms. */
function call(link: Link, wishBps: number, durationMs: number, fromMs = 0, estimate = new ReceiveEstimate(MAX_BPS)) {
  let rateBps = 300_000
  let told = estimate.rateBps
  let lost = 0
  let received = 0
  let reportMs = fromMs + 1000
  let queueMs = 0
  const rates: number[] = []
  for (let sentMs = fromMs; sentMs < fromMs + durationMs; sentMs += (1200 * 8000) / rateBps) {
    rateBps = Math.min(wishBps, told, rateBps * 1.08 ** ((1200 * 8) / rateBps))
    const arrivedMs = link.send(sentMs, 1200)
    if (arrivedMs < 0) lost++
    else {
      received++
      queueMs = Math.max(queueMs, sentMs > fromMs + durationMs / 2 ? arrivedMs - sentMs : 0)
      estimate.arrived(arrivedMs, sentMs, 1200)
    }
    if (sentMs > reportMs) {
      estimate.reported(received, lost, sentMs)
      received = lost = 0
      reportMs = sentMs + 1000
      rates.push(rateBps)
    }
    told = estimate.rateBps
  }
  return { rates, estimate, queueMs }
}

test('the sender finds the rate that the link holds', () => {
  const table: [what: string, link: Partial<LinkOptions>, min: number, max: number][] = [
    ['a wide link: no limit', { rateBps: 20_000_000 }, 2_990_000, 3_000_001],
    ['1 Mbit/s', { rateBps: 1_000_000 }, 700_000, 1_150_000],
    ['500 kbit/s', { rateBps: 500_000 }, 330_000, 600_000],
    ['2 Mbit/s with jitter', { rateBps: 2_000_000, jitterMs: 5 }, 1_200_000, 2_300_000],
  ]
  for (const [what, options, min, max] of table) {
    const { rates } = call(new Link(options), 3_000_000, 60_000)
    const lately = rates.slice(-15)
    const mean = lately.reduce((sum, rate) => sum + rate, 0) / lately.length
    assert.ok(mean > min && mean < max, `${what}: ${Math.round(mean)}`)
  }
})

test('a thin link is not left with a queue', () => {
  const { queueMs } = call(new Link({ rateBps: 800_000 }), 3_000_000, 60_000)
  assert.ok(queueMs < 500, `${queueMs}`)
})

test('loss lowers the estimate, and it comes back', () => {
  const estimate = new ReceiveEstimate(MAX_BPS)
  assert.equal(estimate.limited, false)
  for (let ms = 0; ms < 5000; ms += 500) estimate.reported(100, 0, ms)
  assert.equal(estimate.limited, false)
  estimate.reported(70, 30, 5000)
  assert.equal(estimate.limited, true)
  const low = estimate.rateBps
  for (let ms = 5500; ms < 60_000; ms += 500) estimate.reported(100, 0, ms)
  assert.ok(estimate.rateBps > low)
})

test('packets that do not say when they were sent only count', () => {
  const estimate = new ReceiveEstimate(MAX_BPS)
  for (let ms = 0; ms < 1000; ms += 10) assert.equal(estimate.arrived(ms * 3, Number.NaN, 1200), false)
  assert.equal(estimate.rateBps, MAX_BPS)
})

test('a clock of few bits is unwrapped, also backwards', () => {
  const table: [what: string, shows: number[], expected: number[]][] = [
    ['in order', [1, 2, 60], [0, 1, 59]],
    ['around', [63_990, 10, 20], [0, 20, 30]],
    ['late ones across the wrap', [63_990, 10, 63_995], [0, 20, 5]],
    ['twice around', [0, 30_000, 60_000, 20_000, 50_000, 5000], [0, 30_000, 60_000, 84_000, 114_000, 133_000]],
  ]
  for (const [what, shows, expected] of table) {
    const clock = new SendClock(64_000)
    const first = clock.unwrap(shows[0]!)
    assert.deepEqual(
      [first, ...shows.slice(1).map((ms) => clock.unwrap(ms))].map((ms) => ms - first),
      expected,
      what,
    )
  }
})
