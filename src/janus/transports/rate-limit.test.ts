import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateLimit } from './rate-limit.js'

/** Sends as fast as it may. @returns how many until `untilMs` */
function greedy(rate: RateLimit, fromMs: number, untilMs: number): number {
  let count = 0
  for (let nowMs = fromMs; ; nowMs += rate.waitMs(nowMs)) {
    if (rate.waitMs(nowMs) > 0) continue
    if (nowMs >= untilMs) return count
    rate.take(nowMs)
    count++
  }
}

test('four seconds at once, then so many a second, and what is saved up is bounded', () => {
  const rate = new RateLimit(125)
  assert.equal(greedy(rate, 1000, 1000.5), 500)
  assert.equal(greedy(rate, 1001, 11_000.5), 1250)
  assert.equal(greedy(rate, 1_000_000, 1_000_000.5), 500)
})

test('whoever stays below never waits', () => {
  const rate = new RateLimit(10)
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) {
    assert.equal(rate.waitMs(nowMs), 0)
    rate.take(nowMs)
  }
})

test('0 is no limit', () => {
  const rate = new RateLimit(0)
  for (let i = 0; i < 10_000; i++) {
    assert.equal(rate.waitMs(5), 0)
    rate.take(5)
  }
})
