import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResendLimit } from './resend-limit.js'

test('resend limit: 20 ms between two of one packet, other packets at once', () => {
  const limit = new ResendLimit()
  assert.equal(limit.allow(7, 0, 0, 100), true)
  assert.equal(limit.allow(7, 0, 0, 119), false)
  assert.equal(limit.allow(8, 0, 0, 119), true)
  assert.equal(limit.allow(7, 0, 0, 120), true)
})

test('resend limit: half a round trip between two of one packet, at most 100 ms', () => {
  for (const [rttMs, spacingMs] of [
    [100, 50],
    [4, 2],
    [5000, 100],
  ] as const) {
    const limit = new ResendLimit()
    limit.allow(7, 0, rttMs, 1000)
    assert.equal(limit.allow(7, 0, rttMs, 1000 + spacingMs - 1), false)
    assert.equal(limit.allow(7, 0, rttMs, 1000 + spacingMs), true)
  }
})

test('resend limit: eight times each', () => {
  const limit = new ResendLimit()
  let allowed = 0
  for (let i = 0; i < 50; i++) if (limit.allow(7, 0, 0, i * 100)) allowed++
  assert.equal(allowed, 8)
})

test('resend limit: in the long run no more than was forwarded', () => {
  const limit = new ResendLimit()
  let allowed = 0
  for (let i = 0; i < 5000; i++) if (limit.allow(i, 0, 0, i)) allowed++
  assert.equal(allowed, 512)
  for (let i = 0; i < 5000; i++) if (limit.allow(10_000 + i, 100, 0, 10_000 + i)) allowed++
  assert.equal(allowed, 612)
  assert.equal(limit.allow(20_000, 1_000_000, 0, 30_000), true)
  for (let i = 0; i < 5000; i++) if (limit.allow(30_000 + i, 1_000_000, 0, 40_000 + i)) allowed++
  assert.equal(allowed, 612 + 511, 'what is earned does not pile up')
})
