/** The pool with real worker processes: their deaths, and what survives them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { eventually } from '../../test/support/eventually.js'
import type { HangupReason } from './control.js'
import { type Pool, type PoolOptions, startPool } from './pool.js'
import type { PooledEndpoint, Wanted } from './pool-types.js'

const limits = { dataBufferBytes: 1 << 20, maxMessageBytes: 1 << 16, maxPublisherBps: 2_500_000 }
const place = (room: string, user: string) => ({ room, user, session: 7, relaysData: true, receivesData: true })

interface Logged {
  message: string
  fields: Record<string, unknown>
}

async function open(t: TestContext, options: Partial<PoolOptions> = {}): Promise<{ pool: Pool; logged: Logged[] }> {
  const logged: Logged[] = []
  const log = (fields: object, message: string) => logged.push({ message, fields: { ...fields } })
  const pool = await startPool({
    workers: 2,
    rtcPort: 0,
    rtcTcp: true,
    pin: false,
    listen: [{ address: '127.0.0.1', announced: '203.0.113.7' }],
    limits,
    settings: { noMediaMs: 1000, slowlinkThreshold: 0 },
    log: { info: log, error: log },
    ...options,
  })
  t.after(() => pool.close())
  return { pool, logged }
}

/** An endpoint that writes down what it is told. */
function openEndpoint(pool: Pool, where: Wanted) {
  const told: (HangupReason | 'connected')[] = []
  const endpoint: PooledEndpoint | undefined = pool.open(where, {
    connected: () => told.push('connected'),
    closed: (reason) => told.push(reason),
    media: () => {},
    slowlink: () => {},
    silence: () => {},
  })
  assert.ok(endpoint, 'a worker takes it')
  return { endpoint, told }
}

const nobody = { connected: () => {}, closed: () => {}, media: () => {}, slowlink: () => {}, silence: () => {} }

const live = async (pool: Pool, worker: number) => (await pool.counters())[worker]!.live

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Ends the process of a worker as a crash does, and waits until another one runs. */
async function crash(pool: Pool, worker: number): Promise<void> {
  const pid = pool.pids[worker]!
  process.kill(pid, 'SIGKILL')
  await eventually('the worker is started again', () => pool.running === pool.size && pool.pids[worker] !== pid)
}

test('workers listen on ports of their own, and closing ends their processes', async (t) => {
  const { pool } = await open(t)
  assert.deepEqual([pool.size, pool.running, new Set(pool.ports).size, new Set(pool.pids).size], [2, 2, 2, 2])
  const { endpoint } = openEndpoint(pool, {})
  assert.match(endpoint.fingerprint.value, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  assert.equal(endpoint.candidates[0]!.ip, '203.0.113.7')
  assert.equal(endpoint.candidates[0]!.port, pool.ports[endpoint.worker])
  assert.ok(endpoint.ice.ufrag.length >= 4 && endpoint.ice.pwd.length >= 22)
  const pids = pool.pids.map((pid) => pid!)
  await pool.close()
  await pool.close()
  assert.deepEqual(pids.map(isAlive), [false, false])
})

test('endpoints go where their room is, others to the worker that has the fewest', async (t) => {
  const { pool } = await open(t)
  const first = openEndpoint(pool, { room: 'alpha' }).endpoint
  first.place(place('alpha', 'ann'))
  const second = openEndpoint(pool, { room: 'beta' }).endpoint
  assert.notEqual(second.worker, first.worker)
  second.place(place('beta', 'bob'))
  for (let i = 0; i < 3; i++) assert.equal(openEndpoint(pool, { room: 'alpha' }).endpoint.worker, first.worker)
  assert.equal(openEndpoint(pool, {}).endpoint.worker, second.worker)
  assert.equal(openEndpoint(pool, { worker: 1 }).endpoint.worker, 1)
  assert.equal(pool.open({ worker: 7 }, nobody), undefined)
  const counts = (await pool.counters()).map((counters) => counters.live.endpoints!)
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    7,
  )
})

test('a worker that is full takes no more, and takes others in when some have gone', async (t) => {
  const { pool, logged } = await open(t, { maxEndpoints: 2 })
  const first = openEndpoint(pool, { worker: 0 }).endpoint
  first.place(place('hall', 'ann'))
  openEndpoint(pool, { room: 'hall' })
  assert.equal(pool.open({ worker: 0 }, nobody), undefined)
  // A room's worker that is full is no reason to refuse who publishes there.
  assert.equal(openEndpoint(pool, { room: 'hall' }).endpoint.worker, 1)
  openEndpoint(pool, {})
  for (const where of [{}, { room: 'hall' }, { worker: 0 }, { worker: 1 }]) {
    assert.equal(pool.open(where, nobody), undefined)
  }
  assert.equal(pool.refused, 5)
  assert.deepEqual([(await live(pool, 0)).endpoints, (await live(pool, 1)).endpoints], [2, 2])
  first.close()
  assert.equal(openEndpoint(pool, {}).endpoint.worker, 0)
  assert.equal((await live(pool, 0)).endpoints, 2)
  assert.deepEqual(logged, [])
})

test('a room of more than 200 endpoints goes on on the other worker, although none of them does anything; a smaller one stays', async (t) => {
  const { pool } = await open(t)
  const workersOf = (room: string, count: number, where: Wanted) => {
    const opened = Array.from({ length: count }, (_, i) => {
      const { endpoint } = openEndpoint(pool, where)
      endpoint.place(place(room, `user ${i}`))
      return endpoint.worker
    })
    return [0, 1].map((worker) => opened.filter((at) => at === worker).length).sort((a, b) => b - a)
  }
  assert.deepEqual(workersOf('class', 30, { room: 'class' }), [30, 0])
  assert.deepEqual(workersOf('hall', 300, { room: 'hall' }), [200, 100])
  const { endpoint: publisher } = openEndpoint(pool, { room: 'theatre' })
  publisher.place(place('theatre', 'ann'))
  assert.deepEqual(workersOf('theatre', 300, { publisher }), [199, 101])
})

test('nothing is kept of a room that was spread over workers, whichever empties first', async (t) => {
  const { pool } = await open(t)
  const rooms = async () => [(await live(pool, 0)).rooms, (await live(pool, 1)).rooms]
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const endpoints = [0, 1].map((worker) => openEndpoint(pool, { worker }).endpoint)
    for (const [i, endpoint] of endpoints.entries()) endpoint.place(place('hall', `user ${i}`))
    assert.deepEqual(await rooms(), [1, 1])
    for (const [i, at] of order.entries()) {
      endpoints[at]!.close()
      const left = [0, 1].map((worker) => (order.indexOf(worker) <= i ? 0 : 1))
      assert.deepEqual(await rooms(), left)
    }
  }
})

test('a worker says what it knows of an endpoint, and nothing of one that has ended', async (t) => {
  const { pool } = await open(t)
  const { endpoint } = openEndpoint(pool, { worker: 1 })
  const info = await endpoint.inspect()
  assert.deepEqual([info?.ice, info?.dtls, info?.inbound], [{ state: 'new' }, { state: 'new' }, []])
  const asked = endpoint.inspect()
  endpoint.close()
  assert.ok(await asked, 'asked before it ended')
  assert.equal(await endpoint.inspect(), undefined)
})

test('figures are those of endpoints that are up; a worker without any is not asked', async (t) => {
  const { pool } = await open(t)
  assert.deepEqual(await pool.figures(), [])
  openEndpoint(pool, { worker: 1 })
  assert.deepEqual(await pool.figures(), [], 'it has not connected')
})

test('workers say what they use', async (t) => {
  const { pool } = await open(t, { workers: 1 })
  const [counters] = await pool.counters()
  const { cpuSeconds, residentBytes, heapBytes, lagSeconds } = counters!.usage!
  assert.ok(cpuSeconds > 0 && cpuSeconds < 60, String(cpuSeconds))
  assert.ok(residentBytes > heapBytes && heapBytes > 1_000_000, `${residentBytes} ${heapBytes}`)
  assert.ok(Object.values(lagSeconds).every((seconds) => seconds >= 0 && seconds < 60))
  assert.deepEqual(Object.keys(counters!.distributions), ['rtt_seconds', 'loss_up', 'loss_down'])
})

test('settings hold on workers that are started again, too', async (t) => {
  const { pool } = await open(t, { workers: 1 })
  pool.configure({ noMediaMs: 3000, slowlinkThreshold: 5 })
  assert.deepEqual(pool.settings, { noMediaMs: 3000, slowlinkThreshold: 5 })
  await crash(pool, 0)
  assert.deepEqual(pool.settings, { noMediaMs: 3000, slowlinkThreshold: 5 })
})

test('a worker that dies takes its own endpoints with it, once each, and is started again', async (t) => {
  const { pool, logged } = await open(t)
  const doomed = [0, 0].map((worker) => openEndpoint(pool, { worker }))
  const safe = openEndpoint(pool, { worker: 1 })
  for (const [i, { endpoint }] of [...doomed, safe].entries()) endpoint.place(place('hall', `user ${i}`))
  assert.equal((await live(pool, 0)).endpoints, 2)
  await crash(pool, 0)
  assert.deepEqual(
    doomed.map(({ told }) => told),
    [['Internal error'], ['Internal error']],
  )
  assert.deepEqual(safe.told, [])
  assert.equal(pool.deaths, 1)
  assert.ok(logged.some(({ message, fields }) => message.includes('died') && fields.signal === 'SIGKILL'))
  // What is said to the dead ones goes nowhere.
  for (const { endpoint } of doomed) {
    endpoint.setReceiveStreams([])
    endpoint.place(place('hall', 'ghost'))
    endpoint.close()
  }
  assert.deepEqual([(await live(pool, 0)).endpoints, (await live(pool, 1)).endpoints], [0, 1])
  const again = openEndpoint(pool, { worker: 0 })
  assert.equal((await live(pool, 0)).endpoints, 1)
  again.endpoint.close()
  assert.equal((await live(pool, 0)).endpoints, 0)
  assert.deepEqual(
    doomed.map(({ told }) => told.length),
    [1, 1],
  )
})

test('a worker that starts again knows the blocks, those too that changed while it was away', async (t) => {
  const { pool } = await open(t)
  // A room with nobody in it lives for its blocks alone.
  const rooms = async () => [(await live(pool, 0)).rooms, (await live(pool, 1)).rooms]
  await pool.block('alpha', ['ann', 'bob'], true)
  await pool.block('alpha', ['cid', 'bob'], true)
  await pool.block('beta', ['ann', 'bob'], true)
  assert.deepEqual(await rooms(), [2, 2])
  await crash(pool, 0)
  assert.deepEqual(await rooms(), [2, 2])

  const pid = pool.pids[0]!
  process.kill(pid, 'SIGKILL')
  await eventually('one is away', () => pool.running === 1, { everyMs: 2 })
  await pool.block('gamma', ['ann', 'bob'], true)
  await pool.block('beta', ['bob', 'ann'], false)
  pool.forget('alpha')
  await eventually('it is back', () => pool.running === 2)
  assert.deepEqual(await rooms(), [1, 1])
  await pool.block('gamma', ['bob', 'ann'], false)
  assert.deepEqual(await rooms(), [0, 0])
})

test('a worker that hangs is unwell, then killed and replaced; meanwhile others do not wait for it', async (t) => {
  const { pool, logged } = await open(t, { hangMs: 2000 })
  const { endpoint, told } = openEndpoint(pool, { worker: 0 })
  endpoint.place(place('alpha', 'ann'))
  openEndpoint(pool, { worker: 1 }).endpoint.place(place('beta', 'bob'))
  assert.deepEqual([(await live(pool, 0)).endpoints, pool.well], [1, 2])
  const [hanging, healthy] = pool.pids as [number, number]
  process.kill(hanging, 'SIGSTOP')
  t.after(() => isAlive(hanging) && process.kill(hanging, 'SIGKILL'))

  const began = performance.now()
  // What it last counted; and the other room's block is in force without it.
  assert.deepEqual([(await live(pool, 0)).endpoints, (await live(pool, 1)).endpoints], [1, 1])
  await pool.block('beta', ['bob', 'cid'], true)
  const asked = performance.now()
  assert.deepEqual(await pool.figures(), [])
  assert.ok(performance.now() - asked >= 150, 'an answer was awaited')
  assert.deepEqual(await pool.figures(), [])
  assert.ok(performance.now() - began < 1000)
  const ownRoom = pool.block('alpha', ['ann', 'cid'], true)
  await eventually('it is unwell', () => pool.well === 1)
  assert.deepEqual([pool.running, isAlive(hanging), told], [2, true, []])

  await ownRoom
  assert.equal(isAlive(hanging), false)
  assert.ok(logged.some(({ message, fields }) => message.includes('hangs') && fields.pid === hanging))
  assert.deepEqual(told, ['Internal error'])
  await eventually('another one runs', () => pool.well === 2)
  assert.equal(pool.pids[1], healthy)
  assert.deepEqual(await live(pool, 0).then(({ endpoints, rooms }) => [endpoints, rooms]), [0, 2])
})

test('an address that is not ours: one clear line, and no process is left', async (t) => {
  const options = { listen: [{ address: '203.0.113.7', announced: '203.0.113.7' }] }
  await assert.rejects(open(t, options), (error: Error) => {
    assert.match(error.message, /203\.0\.113\.7/)
    assert.ok(!error.message.includes('\n'))
    return true
  })
  await eventually('no process is left', () => !process.getActiveResourcesInfo().includes('ProcessWrap'))
})

test('a port that is taken: one clear line', async (t) => {
  const { pool } = await open(t, { workers: 1 })
  const port = pool.ports[0]!
  await assert.rejects(open(t, { workers: 1, rtcPort: port }), new RegExp(`${port}|in use`))
})

test('all workers are away: opening says so', async (t) => {
  const { pool } = await open(t, { workers: 1 })
  process.kill(pool.pids[0]!, 'SIGKILL')
  await eventually('it is away', () => pool.running === 0, { everyMs: 2 })
  assert.equal(pool.open({ room: 'hall' }, nobody), undefined)
  assert.equal(pool.refused, 1)
  await pool.block('hall', ['ann', 'bob'], true)
  await pool.ready()
  assert.equal(pool.running, 1)
  await pool.ready()
  assert.equal((await live(pool, 0)).rooms, 1)
})
