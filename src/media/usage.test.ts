import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { watchUsage } from './usage.js'

test('the lag is how late the loop is, and not how often it is looked at', async () => {
  const usage = watchUsage()
  const startMs = performance.now()
  await delay(1100)
  const idle = usage()
  const idleSeconds = (performance.now() - startMs) / 1000
  // Never the half second between two looks, however late a loaded machine makes each of them.
  assert.ok(idle.lagSeconds.mean <= idleSeconds - 1, JSON.stringify({ ...idle.lagSeconds, idleSeconds }))
  await delay(600)
  const busyMs = performance.now()
  const before = process.cpuUsage()
  // In CPU time: on a loaded machine it takes longer by the clock.
  while (process.cpuUsage(before).user + process.cpuUsage(before).system < 900_000);
  const blockedSeconds = (performance.now() - busyMs) / 1000
  await delay(100)
  const busy = usage()
  assert.ok(busy.lagSeconds.max > 0.3 && busy.lagSeconds.max < blockedSeconds + 2, JSON.stringify(busy.lagSeconds))
  assert.ok(busy.cpuSeconds - idle.cpuSeconds >= 0.9)
})
