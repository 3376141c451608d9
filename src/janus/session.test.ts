import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attached, errorOf, FakeClient, world } from './testing/client.js'

test('J-010 several sessions of one connection are independent', () => {
  const { client } = world()
  const [a, b] = [client.create(), client.create()]
  client.send('destroy', { session_id: a })
  assert.equal(client.send('keepalive', { session_id: b }).janus, 'ack')
  assert.match(errorOf(client.send('keepalive', { session_id: a })), /^458/)
})

test('J-014 replies go to the requester, events to the owner', async () => {
  const { client: a, gateway, ids } = attached()
  const b = new FakeClient(gateway)
  b.raw({ janus: 'message', transaction: 'b1', ...ids, body: {} })
  await new Promise(setImmediate)
  assert.deepEqual(b.kinds(), ['ack'])
  assert.equal(a.received[0]!.transaction, 'b1')
  assert.deepEqual(a.kinds(), ['event'])
})

test('J-011 J-088 a lost connection ends its sessions silently', () => {
  const { client, gateway, ids, handle } = attached()
  const other = new FakeClient(gateway)
  const kept = other.create()
  other.kinds()
  client.close()
  client.close()
  assert.deepEqual(handle.calls, ['detached'])
  assert.deepEqual([client.kinds(), other.kinds()], [[], []])
  assert.match(errorOf(other.send('keepalive', ids)), /^458/)
  assert.equal(other.send('keepalive', { session_id: kept }).janus, 'ack')
})

test('J-089 an idle session ends with timeout only, 60 to 64 s after its last request', () => {
  const { client, clock, ids, handle, log } = attached()
  handle.state = 'stable'
  clock.advance(59_999)
  assert.deepEqual(client.kinds(), [])
  clock.advance(4001)
  assert.deepEqual(client.received, [{ janus: 'timeout', session_id: ids.session_id }])
  assert.deepEqual(handle.calls, ['detached'])
  assert.match(errorOf(client.send('keepalive', ids)), /^458/)
  assert.deepEqual(log.lines, ['info: session timed out'])
  assert.equal(clock.timers, 0)
})

test('J-090 requests keep a session alive, failing ones too; those before the lookup do not', () => {
  const { client, clock, ids } = attached()
  const session = { session_id: ids.session_id }
  const failing = [
    () => client.send('foo', session),
    () => client.send('detach', { ...session, handle_id: 1 }),
    () => client.send('attach', session),
  ]
  for (const request of failing) {
    clock.advance(50_000)
    assert.equal(request().janus, 'error')
  }
  clock.advance(50_000)
  client.kinds()
  client.send('keepalive', { ...session, handle_id: 'x' })
  client.raw({ janus: 'keepalive', ...session })
  clock.advance(12_000)
  assert.deepEqual(client.kinds(), ['error', 'error', 'timeout'])
})

test('J-091 what the server sends is no activity', () => {
  const { client, clock, handle } = attached()
  const { port } = handle
  const before = port.lastActivityMs()
  clock.advance(40_000)
  port.push({})
  port.media('0', 'audio', true)
  assert.equal(port.lastActivityMs(), before)
  clock.advance(24_000)
  assert.equal(client.kinds().at(-1), 'timeout')
})

test('J-092 the timeout of one session can be changed, to never and back', () => {
  const { client, clock, gateway, ids } = attached()
  const session = gateway.sessions.get(ids.session_id)!
  session.timeoutMs = 0
  clock.advance(1_000_000)
  assert.deepEqual(client.kinds(), [])
  session.timeoutMs = undefined
  clock.advance(2000)
  assert.deepEqual(client.kinds(), ['timeout'])
  assert.equal(gateway.sessions.size, 0)
})

test('a session timeout of 0 is never; a short one is kept closely', () => {
  const never = attached({ sessionTimeoutMs: 0 })
  never.clock.advance(10_000_000)
  assert.deepEqual(never.client.kinds(), [])
  const short = attached({ sessionTimeoutMs: 1000 })
  short.clock.advance(1100)
  assert.deepEqual(short.client.kinds(), ['timeout'])
})

test('the plugin can expire a session: timeout only', () => {
  const { client, ids, handle, gateway } = attached()
  client.attach(ids.session_id)
  client.kinds()
  handle.port.expireSession()
  assert.deepEqual(client.kinds(), ['timeout'])
  assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
})

test('J-093 J-095 with reclaim a session outlives its transport; claim moves the events', () => {
  const { client, gateway, ids, handle } = attached({ reclaimTimeoutMs: 8000 })
  client.close()
  assert.deepEqual(handle.calls, [])
  handle.port.push({ lost: true })
  const next = new FakeClient(gateway)
  const session = { session_id: ids.session_id }
  assert.equal(next.send('keepalive', session).janus, 'ack')
  const reply = next.raw({ janus: 'claim', transaction: 'c', ...session })
  assert.deepEqual(reply, { janus: 'success', ...session, transaction: 'c' })
  next.kinds()
  handle.port.push({ kept: true })
  assert.deepEqual(next.kinds(), ['event'])
  assert.deepEqual(client.kinds(), [])
  next.close()
  assert.deepEqual(gateway.live(), { sessions: 1, handles: 1 })
})

test('J-094 reclaim counts from the last request; claim stops it', () => {
  const { client, gateway, clock, ids, handle } = attached({ reclaimTimeoutMs: 8000 })
  clock.advance(5000)
  client.close()
  clock.advance(2900)
  assert.deepEqual(handle.calls, [])
  clock.advance(1000)
  assert.deepEqual(handle.calls, ['detached'])
  assert.match(errorOf(new FakeClient(gateway).send('claim', ids)), /^458/)

  const claimed = attached({ reclaimTimeoutMs: 8000 })
  claimed.client.close()
  const next = new FakeClient(claimed.gateway)
  next.send('claim', { session_id: claimed.ids.session_id })
  claimed.clock.advance(50_000)
  assert.deepEqual(claimed.handle.calls, [])
})

test('J-096 claim of the own session is a success, of an unknown one 458; a stolen one leaves its owner', () => {
  const { client, gateway, ids, handle } = attached()
  const session = { session_id: ids.session_id }
  assert.equal(client.send('claim', session).janus, 'success')
  assert.equal(client.send('claim', ids).janus, 'success')
  assert.equal(errorOf(client.send('claim', { session_id: 5 })), '458 No such session 5')
  const thief = new FakeClient(gateway)
  thief.send('claim', session)
  client.close()
  assert.deepEqual(handle.calls, [])
  thief.close()
  assert.deepEqual(handle.calls, ['detached'])
})

test('a handle has the address of who has its session, or had it last', () => {
  const { client, gateway, handle, ids } = attached({ reclaimTimeoutMs: 10_000 })
  const first = handle.port.address
  assert.equal(first, client.address)
  client.close()
  assert.equal(handle.port.address, first)
  const other = new FakeClient(gateway)
  other.address = '198.51.100.7'
  assert.equal(other.send('claim', { session_id: ids.session_id }).janus, 'success')
  assert.equal(handle.port.address, '198.51.100.7')
})

test('a session that cannot be told of its timeout ends all the same, and so do those after it', () => {
  const { client, gateway, clock, log } = attached()
  const other = new FakeClient(gateway)
  const session_id = other.create()
  other.kinds()
  client.event = () => {
    throw new Error('a bug')
  }
  clock.advance(70_000)
  assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
  assert.deepEqual(other.received, [{ janus: 'timeout', session_id }])
  assert.equal(log.lines.filter((line) => line.startsWith('error: ')).length, 1)
  assert.equal(clock.timers, 0)
})
