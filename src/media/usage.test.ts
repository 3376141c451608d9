import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { watchUsage } from './usage.js'

test('the lag is how late the loop is, and not how often it is looked at', async () => {
  const usage = watchUsage()
  await delay(1100)
  const idle = usage()
  assert.ok(idle.lagSeconds.mean < 0.25, JSON.stringify(idle.lagSeconds))
  await delay(600)
  const until = performance.now() + 900
  while (performance.now() < until);
  await delay(100)
  const busy = usage()
  assert.ok(busy.lagSeconds.max > 0.3 && busy.lagSeconds.max < 3, JSON.stringify(busy.lagSeconds))
  assert.ok(busy.cpuSeconds - idle.cpuSeconds > 0.5)
})
