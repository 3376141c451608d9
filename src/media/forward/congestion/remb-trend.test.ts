import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RembTrend } from './remb-trend.js'

test('small steps add up, rounding is no move, and what was gone begins anew', () => {
  const trend = new RembTrend()
  const told = (bps: number, nowMs: number) => {
    trend.take(bps, nowMs)
    return [trend.roseMs, trend.fellMs]
  }
  const never = Number.NEGATIVE_INFINITY
  assert.deepEqual(told(1_000_000, 0), [0, never])
  assert.deepEqual(told(990_000, 1000), [0, never], 'rounding')
  assert.deepEqual(told(980_000, 1100), [0, never])
  assert.deepEqual(told(969_000, 1200), [0, 1200], 'by 3.1 % in all')
  assert.deepEqual(told(990_000, 1300), [0, 1200])
  assert.deepEqual(told(1_000_000, 1400), [1400, 1200])
  assert.deepEqual(told(Number.NaN, 2000), [1400, 1200], 'one of them tells none any more')
  assert.deepEqual(told(100_000, 2100), [2100, 1200], 'another sum is no fall')
})
