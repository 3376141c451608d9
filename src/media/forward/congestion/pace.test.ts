import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.js'

test('pace: not paced before there is an estimate', () => {
  const pace = new Pace()
  pace.sent(1_000_000, 10)
  assert.equal(pace.open(10), true)
  assert.equal(pace.debtMs(10), 0)
})

test('pace: a burst goes out at once, the rest at 2.5 times the estimate', () => {
  const pace = new Pace()
  pace.setRate(800_000)
  // 250 bytes per ms; 5000 at once.
  let sent = 0
  for (; pace.open(1000); sent += 1000) pace.sent(1000, 1000)
  assert.equal(sent, 5000)
  assert.equal(pace.opensMs(1000), 1001)
  assert.equal(pace.debtMs(1000), 20)
  for (let ms = 1001; ms < 2000; ms++) {
    for (; pace.open(ms); sent += 1000) pace.sent(1000, ms)
  }
  assert.ok(Math.abs(sent - 5000 - 250_000) <= 1000, `${sent}`)
  assert.equal(pace.open(5000), true)
  assert.equal(pace.debtMs(5000), 0)
})

test('pace: slower while the link is used too much, and two packets at once at any rate', () => {
  const pace = new Pace()
  pace.setRate(800_000, true)
  assert.equal(pace.rateBps, 1_000_000)
  pace.setRate(40_000, true)
  pace.sent(1200, 1000)
  assert.equal(pace.open(1000), true)
  pace.sent(1200, 1000)
  assert.equal(pace.open(1000), false)
})
