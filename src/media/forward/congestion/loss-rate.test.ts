import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LossRate } from './loss-rate.js'

const bounds = { startBps: 600_000, minBps: 50_000, maxBps: 10_000_000 }

/** Reports of 100 packets every half second, so many of them lost. */
function feed(rate: LossRate, losses: number[], estimateBps = 2_000_000, fromMs = 0) {
  for (const [i, lost] of losses.entries()) rate.add(100 - lost, lost, estimateBps, fromMs + i * 500)
}

const times = (count: number, lost: number) => Array.from({ length: count }, () => lost)

test('loss: none and little limit nothing', () => {
  for (const lost of [0, 1, 5]) {
    const rate = new LossRate(bounds)
    feed(rate, times(40, lost))
    assert.equal(rate.rateBps, bounds.maxBps, `${lost} %`)
  }
})

test('loss: more than 10 % that begins shrinks the rate by half of it', () => {
  const rate = new LossRate(bounds)
  feed(rate, times(10, 0))
  rate.add(80, 20, 2_000_000, 5000)
  assert.equal(rate.share, 0.2)
  assert.equal(rate.rateBps, 1_800_000)
  rate.add(70, 30, 2_000_000, 5500)
  assert.equal(rate.rateBps, 1_530_000)
  assert.equal(rate.reducedMs, 5500)
})

test('loss: grows again below 2 %', () => {
  const rate = new LossRate(bounds)
  feed(rate, [...times(10, 0), 50, 50])
  const low = rate.rateBps
  feed(rate, times(10, 0), 2_000_000, 6000)
  assert.ok(rate.rateBps > low * 2, `${low} to ${rate.rateBps}`)
  rate.atLeast(4_000_000)
  assert.equal(rate.rateBps, 4_000_000)
})

test('loss: what is lost at any rate stops shrinking it', () => {
  const rate = new LossRate(bounds)
  feed(rate, times(12, 20), 600_000)
  const low = rate.rateBps
  assert.ok(low > 300_000, `${low}`)
  feed(rate, times(40, 20), 600_000, 6000)
  assert.ok(rate.rateBps > 1_000_000, `${rate.rateBps} after a while`)
  assert.equal(rate.ownShare, 0.2)
})

test('loss: what no call survives is never taken for the own loss of the link', () => {
  const rate = new LossRate(bounds)
  feed(rate, times(60, 60))
  assert.equal(rate.rateBps, bounds.minBps)
})

test('loss: few packets make no window, and found ones are taken back', () => {
  const rate = new LossRate(bounds)
  rate.add(5, 5, 2_000_000, 0)
  rate.add(5, 0, 2_000_000, 1000)
  assert.equal(rate.share, 0)
  rate.add(10, -5, 2_000_000, 2000)
  assert.equal(rate.share, 0)
  assert.equal(rate.rateBps, bounds.maxBps)
})

test('loss: what comes through all the same is kept', () => {
  const rate = new LossRate(bounds)
  feed(rate, times(10, 0))
  for (let i = 0; i < 6; i++) rate.add(20, 80, 2_000_000, 5000 + i * 500, 255_000)
  assert.equal(rate.rateBps, 255_000)
})
