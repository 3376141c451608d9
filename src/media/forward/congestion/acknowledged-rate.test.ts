import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AcknowledgedRate } from './acknowledged-rate.js'

/** Packets of 1000 bytes at a steady rate. */
function feed(rate: AcknowledgedRate, bps: number, ms: number, fromMs: number) {
  for (let at = fromMs; at < fromMs + ms; at += 8_000_000 / bps) rate.add(at, 1000)
}

test('acknowledged rate: nothing within half a second, then what comes', () => {
  const rate = new AcknowledgedRate()
  feed(rate, 1_000_000, 400, 0)
  assert.ok(Number.isNaN(rate.bps))
  feed(rate, 1_000_000, 600, 400)
  assert.ok(Math.abs(rate.bps - 1_000_000) < 30_000, `${rate.bps}`)
})

test('acknowledged rate: follows a step within a second and a half', () => {
  for (const [before, after] of [
    [3_000_000, 300_000],
    [300_000, 3_000_000],
  ] as const) {
    const rate = new AcknowledgedRate()
    feed(rate, before, 3000, 0)
    feed(rate, after, 1500, 3000)
    assert.ok(Math.abs(rate.bps / after - 1) < 0.35, `${rate.bps} after a step to ${after}`)
  }
})

test('acknowledged rate: a pause is no rate of zero, and another clock begins anew', () => {
  const rate = new AcknowledgedRate()
  feed(rate, 1_000_000, 2000, 0)
  feed(rate, 1_000_000, 1000, 10_000)
  assert.ok(Math.abs(rate.bps - 1_000_000) < 60_000, `${rate.bps}`)
  feed(rate, 1_000_000, 1000, 500)
  assert.ok(Math.abs(rate.bps - 1_000_000) < 60_000, `${rate.bps}`)
})
