import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AimdRate } from './aimd-rate.js'
import { LinkCapacity } from './link-capacity.js'

const bounds = { startBps: 1_000_000, minBps: 50_000, maxBps: 5_000_000 }

test('aimd: 8 % a second while nothing is known of the capacity', () => {
  const rate = new AimdRate(bounds)
  for (let ms = 0; ms <= 2000; ms += 50) rate.update('normal', 1_000_000, 50, ms)
  assert.ok(Math.abs(rate.rateBps - 1_000_000 * 1.08 ** 2) < 1000, `${rate.rateBps}`)
})

test('aimd: overuse leaves 0.85 of what came through; the first normal state only ends the hold', () => {
  const rate = new AimdRate(bounds)
  rate.update('over', 800_000, 50, 0)
  assert.equal(rate.rateBps, 680_000)
  rate.update('normal', 680_000, 50, 1000)
  assert.equal(rate.rateBps, 680_000)
  rate.update('under', 680_000, 50, 1100)
  rate.update('normal', 680_000, 50, 3000)
  assert.equal(rate.rateBps, 680_000, 'underuse holds')
})

test('aimd: near the capacity it grows by a packet per response', () => {
  const rate = new AimdRate(bounds)
  rate.update('over', 1_000_000, 50, 0)
  for (let ms = 50; ms <= 1100; ms += 50) rate.update('normal', 850_000, 50, ms)
  const grown = rate.rateBps - 850_000
  assert.ok(grown > 15_000 && grown < 40_000, `${grown} bit/s in a second`)
  // A picture of 28,333 bits in three packets, and 300 ms until the effect of one is seen.
  const slow = new AimdRate(bounds)
  slow.update('over', 1_000_000, 50, 0)
  slow.update('normal', 850_000, 50, 50)
  slow.update('normal', 850_000, 50, 1050)
  assert.equal(Math.round(slow.rateBps), 850_000 + 31_481)
})

test('aimd: again only after a round trip, unless half of it does not come through', () => {
  const rate = new AimdRate(bounds)
  rate.update('over', 1_000_000, 150, 0)
  rate.update('over', 800_000, 150, 100)
  assert.equal(rate.rateBps, 850_000)
  rate.update('over', 300_000, 150, 110)
  assert.equal(rate.rateBps, 255_000)
})

test('aimd: bounds, and no more than one and a half of what comes through', () => {
  const rate = new AimdRate(bounds)
  for (let ms = 0; ms <= 60_000; ms += 50) rate.update('normal', 700_000, 50, ms)
  assert.equal(rate.rateBps, 1_060_000)
  rate.set(50, 60_000)
  assert.equal(rate.rateBps, bounds.minBps)
  rate.set(50_000_000, 60_000)
  assert.equal(rate.rateBps, bounds.maxBps)
  rate.update('over', Number.NaN, 50, 70_000)
  assert.equal(rate.rateBps, bounds.maxBps / 2, 'nothing known of what came through')
})

test('link capacity: what came through under overuse averages slowly, probes fast; far off it is forgotten', () => {
  const capacity = new LinkCapacity()
  assert.equal(capacity.known, false)
  assert.equal(capacity.lowerBps, 0)
  capacity.overused(1_000_000)
  assert.equal(capacity.bps, 1_000_000)
  assert.ok(capacity.lowerBps > 900_000 && capacity.upperBps < 1_100_000)
  capacity.overused(900_000)
  assert.equal(Math.round(capacity.bps), 995_000)
  capacity.probed(1_200_000)
  assert.equal(Math.round(capacity.bps), 1_097_500)
  capacity.forget()
  assert.equal(capacity.upperBps, Number.POSITIVE_INFINITY)
})
