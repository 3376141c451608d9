import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.js'
import { startPool } from './pool.js'
import { contained } from './pool-observer.js'

const nothing = () => {}
const broken = (): never => {
  throw new Error('a bug above')
}

test('what a report makes its taker throw is logged and ends the endpoint; the taker hears everything', () => {
  const logged: object[] = []
  const heard: unknown[] = []
  let failures = 0
  const log = { error: (fields: object) => logged.push(fields) }
  const failed = () => failures++
  const all = { connected: broken, silence: broken, media: broken, slowlink: broken, closed: broken }
  const inner = contained(all, { log, failed })
  inner.connected()
  inner.silence(true)
  inner.media('0', 'audio', false, 1000)
  inner.slowlink('0', 'audio', true, 3)
  inner.closed('DTLS alert')
  assert.equal(failures, 5)
  assert.deepEqual(
    logged.map((fields) => (fields as { report: string }).report),
    ['connected', 'silence', 'media', 'slowlink', 'closed'],
  )
  const outer = contained(
    {
      connected: () => heard.push('connected'),
      silence: (isSilent) => heard.push(isSilent),
      media: (...args) => heard.push(args),
      slowlink: (...args) => heard.push(args),
      closed: (reason) => heard.push(reason),
    },
    { log, failed },
  )
  outer.connected()
  outer.silence(false)
  outer.media('1', 'video', true)
  outer.slowlink('1', 'video', false, 2)
  outer.closed('ICE failed')
  assert.deepEqual(heard, ['connected', false, ['1', 'video', true], ['1', 'video', false, 2], 'ICE failed'])
  assert.deepEqual([failures, logged.length], [5, 5])
})

test('a worker dies, and one of its endpoints makes its taker throw: the others are told, and another worker starts', async (t) => {
  const errors: string[] = []
  const pool = await startPool({
    workers: 1,
    rtcPort: 0,
    rtcTcp: false,
    pin: false,
    listen: [{ address: '127.0.0.1', announced: '127.0.0.1' }],
    limits: { dataBufferBytes: 1 << 20, maxMessageBytes: 1 << 16, maxPublisherBps: 2_500_000 },
    settings: { noMediaMs: 1000, slowlinkThreshold: 0 },
    log: { info: nothing, error: (_, message) => errors.push(message) },
  })
  t.after(() => pool.close())
  const told: string[] = []
  const quiet = { connected: nothing, silence: nothing, media: nothing, slowlink: nothing }
  pool.open({}, { ...quiet, closed: broken })
  pool.open({}, { ...quiet, closed: (reason) => told.push(reason) })
  const before = pool.pids[0]!
  process.kill(before, 'SIGKILL')
  // How long a process takes to start is not the question here.
  const restarted = () => pool.running === 1 && pool.pids[0] !== before
  await eventually('another worker runs', restarted, { withinMs: 20_000 })
  assert.deepEqual(told, ['Internal error'])
  assert.equal(errors.filter((message) => message.includes('this is a bug')).length, 1)
})
