import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { EventReceiver } from '../test/support/event-receiver.js'
import { readConfig } from './config/config.js'
import { world } from './janus/testing/client.js'
import { FakeClock } from './janus/testing/fake-clock.js'
import { createLog } from './observe/log.js'
import { openEvents } from './server-events.js'

/** How often media workers are asked for figures in the first ten seconds of a server with these settings. */
async function questions(t: TestContext, settings: Readonly<Record<string, unknown>>): Promise<number> {
  const receiver = await EventReceiver.open()
  const clock = new FakeClock()
  const { gateway, plugin } = world()
  let asked = 0
  plugin.passed = async () => {
    asked++
    return []
  }
  const closers: ((signum: number) => Promise<void> | void)[] = []
  // What is posted waits: it is not what this is about.
  const own = { eventUrl: receiver.url, eventSecret: 'ours', eventBatchDelay: '60' }
  const config = readConfig({ ...own, ...settings }, {})
  const events = openEvents(config, 'here', createLog('silent'), closers, clock)
  t.after(async () => {
    for (const close of closers) await close(0)
    receiver.close()
  })
  events.started(gateway)
  for (let second = 0; second < 10; second++) {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return asked
}

test('workers are asked for figures once per period, and only if an event handler wants them', async (t) => {
  assert.equal(await questions(t, {}), 10)
  assert.equal(await questions(t, { statsPeriod: '5' }), 2)
  assert.equal(await questions(t, { statsPeriod: '0' }), 0)
  assert.equal(await questions(t, { events: ['sessions', 'webrtc'] }), 0)
  assert.equal(await questions(t, { eventUrl: undefined, eventSecret: undefined }), 0)
})

test('none are asked while half of the queue waits', async (t) => {
  // The event of the start is one.
  assert.equal(await questions(t, { eventQueueMax: '1' }), 0)
  assert.equal(await questions(t, { eventQueueMax: '2' }), 10)
})
