import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGateway } from './gateway.js'
import { attached, errorOf, FakeClient, facts, RecordingLog, world } from './testing/client.js'

test('J-032 ping gives pong with the transaction and no session_id', () => {
  const { client } = world()
  assert.deepEqual(client.raw({ janus: 'ping', transaction: 't' }), { janus: 'pong', transaction: 't' })
})

test('J-033 info gives server_info with the keys of Janus', () => {
  const reply = world().client.raw({ janus: 'info', transaction: 't' })
  assert.equal(reply.janus, 'server_info')
  assert.equal(reply.transaction, 't')
  assert.equal(reply.session_id, undefined)
  assert.equal(reply.name, 'rostra')
  assert.equal(reply['session-timeout'], 60)
  assert.equal(reply['accepting-new-sessions'], true)
  const fake = { name: 'Fake plugin', author: 'tests', description: 'Echoes', version_string: '0.0.7', version: 7 }
  assert.deepEqual(reply.plugins, { 'janus.plugin.fake': fake })
  const words = `version version_string author commit-hash compile-time log-to-stdout log-to-file data_channels
    reclaim-session-timeout candidates-timeout server-name local-ip ipv6 ice-lite ice-tcp ice-nomination
    ice-keepalive-conncheck full-trickle mdns-enabled min-nack-queue nack-optimizations twcc-period dtls-mtu
    static-event-loops loop-indication api_secret auth_token event_handlers opaqueid_in_api dependencies transports
    events loggers`
  for (const key of words.split(/\s+/)) assert.ok(key in reply, key)
})

test('J-035 J-036 create gives a random 53-bit integer and no session_id', () => {
  const { client } = world()
  const ids = new Set<number>()
  for (let i = 0; i < 100; i++) {
    const reply = client.raw({ janus: 'create', transaction: 't' })
    assert.deepEqual(Object.keys(reply), ['janus', 'transaction', 'data'])
    const { id } = reply.data as { id: number }
    assert.ok(Number.isSafeInteger(id) && id >= 1)
    ids.add(id)
  }
  assert.equal(ids.size, 100)
  assert.ok([...ids].some((id) => id > 2 ** 32))
})

test('J-037 a session id chosen by the client is honoured; a taken one is 468 and named', () => {
  const { client } = world()
  assert.equal(client.create({ id: 12345 }), 12345)
  assert.deepEqual(client.raw({ janus: 'create', transaction: 't', id: 12345 }), {
    janus: 'error',
    session_id: 12345,
    transaction: 't',
    error: { code: 468, reason: 'Session ID already in use' },
  })
})

test('J-038 create with id 0 picks one; other types are 467 without transaction', () => {
  const { client } = world()
  assert.ok(client.create({ id: 0 }) > 0)
  for (const id of [-5, 'abc', 1.5, null, true, {}, [], 2 ** 53]) {
    assert.deepEqual(client.send('create', { id }), {
      janus: 'error',
      error: { code: 467, reason: 'Invalid element type (id should be a positive integer)' },
    })
  }
})

test('J-039 create while draining is 472; other requests go on', () => {
  const { client, gateway } = world()
  const sessionId = client.create()
  gateway.acceptNewSessions(false)
  assert.equal(errorOf(client.send('create')), '472 Currently not accepting new sessions')
  assert.equal(client.send('keepalive', { session_id: sessionId }).janus, 'ack')
  assert.equal(client.send('info')['accepting-new-sessions'], false)
  gateway.acceptNewSessions(true)
  assert.equal(client.send('create').janus, 'success')
})

test('J-040 request names are case-insensitive', () => {
  const { client, ids } = attached()
  assert.equal(client.send('PING').janus, 'pong')
  assert.equal(client.send('KeepAlive', ids).janus, 'ack')
})

test('J-041 J-042 broken envelopes: 456 and 467 in order, no transaction in the reply', () => {
  const { client } = world()
  const cases: [unknown, string][] = [
    [{}, '456 Missing mandatory element (transaction)'],
    [[], '456 Missing mandatory element (transaction)'],
    [{ janus: 'ping' }, '456 Missing mandatory element (transaction)'],
    [{ janus: 1, transaction: 1 }, '467 Invalid element type (transaction should be a string)'],
    [{ janus: 'ping', transaction: null }, '467 Invalid element type (transaction should be a string)'],
    [{ transaction: 't' }, '456 Missing mandatory element (janus)'],
    [{ janus: {}, transaction: 't' }, '467 Invalid element type (janus should be a string)'],
  ]
  for (const [message, expected] of cases) {
    const reply = client.raw(message)
    assert.equal(errorOf(reply), expected)
    assert.deepEqual(Object.keys(reply), ['janus', 'error'])
  }
  assert.deepEqual(client.raw({ janus: 'ping', transaction: '' }), { janus: 'pong', transaction: '' })
})

test('J-041 a broken envelope with a session names the session', () => {
  const reply = world().client.raw({ janus: 1, transaction: 't', session_id: 7 })
  assert.equal(reply.session_id, 7)
  assert.ok(!('transaction' in reply))
})

test('J-043 an unknown request is 457 without ids, 453 with a session', () => {
  const { client, ids } = attached()
  assert.equal(errorOf(client.send('foo')), "457 Unhandled request 'foo' at this path")
  assert.equal(errorOf(client.send('foo', ids)), "453 Unknown request 'foo'")
  assert.equal(errorOf(client.send('Constructor')), "457 Unhandled request 'Constructor' at this path")
  assert.equal(errorOf(client.send('__proto__', ids)), "453 Unknown request '__proto__'")
})

test('J-044 a handle without a session is 458', () => {
  const reply = world().client.send('detach', { handle_id: 5 })
  assert.equal(errorOf(reply), '458 Session not found')
  assert.equal(reply.session_id, undefined)
})

test('J-045 an unknown session is 458 and echoed; a negative one is not', () => {
  const { client } = world()
  const reply = client.send('keepalive', { session_id: 99 })
  assert.equal(errorOf(reply), '458 No such session 99')
  assert.equal(reply.session_id, 99)
  const negative = client.send('keepalive', { session_id: -1 })
  assert.equal(errorOf(negative), '458 Session not found')
  assert.equal(negative.session_id, undefined)
})

test('J-046 handle ids that are none, and unknown ones, are 459', () => {
  const { client, ids } = attached()
  for (const handleId of [0, '5', -1, 1.5, true, {}]) {
    const reply = client.send('detach', { ...ids, handle_id: handleId })
    assert.equal(errorOf(reply), '459 Handle not found')
    assert.equal(reply.session_id, ids.session_id)
  }
  const reply = client.send('detach', { ...ids, handle_id: 5 })
  assert.equal(errorOf(reply), `459 No such handle 5 in session ${ids.session_id}`)
})

test('J-046 a null handle_id is no handle_id', () => {
  const { client, ids } = attached()
  const reply = client.send('detach', { ...ids, handle_id: null })
  assert.equal(errorOf(reply), "457 Unhandled request 'detach' at this path")
})

test('J-047 a session_id of another type counts as absent', () => {
  const { client } = world()
  for (const sessionId of [null, '5', 1.5, true, [], {}, 0]) {
    const reply = client.send('keepalive', { session_id: sessionId })
    assert.equal(errorOf(reply), "457 Unhandled request 'keepalive' at this path")
    assert.equal(reply.session_id, undefined)
    assert.equal(client.send('ping', { session_id: sessionId }).janus, 'pong')
  }
})

test('J-048 ping, info and create with a session are 453', () => {
  const { client, ids } = attached()
  for (const name of ['ping', 'info', 'create']) {
    assert.equal(errorOf(client.send(name, { session_id: ids.session_id })), `453 Unknown request '${name}'`)
    assert.equal(errorOf(client.send(name, ids)), `453 Unknown request '${name}'`)
  }
})

test('J-049 keepalive is acked with session_id and transaction', () => {
  const { client, ids } = attached()
  const expected = { janus: 'ack', session_id: ids.session_id, transaction: 'k' }
  assert.deepEqual(client.raw({ janus: 'keepalive', transaction: 'k', session_id: ids.session_id }), expected)
  assert.deepEqual(client.raw({ janus: 'keepalive', transaction: 'k', ...ids }), expected)
})

test('J-050 attach replies with an id and ignores unknown keys', () => {
  const { client, plugin } = world()
  const sessionId = client.create()
  const extra = { 'force-bundle': true, 'force-rtcp-mux': true, min_port: 1, opaque_id: 'me', loop_index: 0 }
  const reply = client.send('attach', { session_id: sessionId, plugin: 'janus.plugin.fake', ...extra })
  assert.deepEqual(Object.keys(reply), ['janus', 'session_id', 'transaction', 'data'])
  const { port } = plugin.handles[0]!
  assert.equal(port.id, (reply.data as { id: number }).id)
  assert.equal(port.sessionId, sessionId)
  assert.equal(port.opaqueId, 'me')
})

test('J-051 J-052 attach errors', () => {
  const { client, ids } = attached()
  const session = { session_id: ids.session_id }
  const plugin = 'janus.plugin.fake'
  const cases: [object, string][] = [
    [{}, '456 Missing mandatory element (plugin)'],
    [{ plugin: 1 }, '467 Invalid element type (plugin should be a string)'],
    [{ plugin: 'nope' }, "460 No such plugin 'nope'"],
    [{ plugin, opaque_id: null }, '467 Invalid element type (opaque_id should be a string)'],
    [{ plugin, loop_index: 1.5 }, '467 Invalid element type (loop_index should be a positive integer)'],
    [{ plugin, handle_id: ids.handle_id }, "457 Unhandled request 'attach' at this path"],
  ]
  for (const [fields, expected] of cases) {
    assert.equal(errorOf(client.send('attach', { ...session, ...fields })), expected)
  }
})

test('J-078 session requests with a handle and handle requests without one are 457', () => {
  const { client, ids } = attached()
  const unhandled = (name: string) => `457 Unhandled request '${name}' at this path`
  assert.equal(errorOf(client.send('destroy', ids)), unhandled('destroy'))
  for (const name of ['message', 'trickle', 'hangup', 'detach']) {
    assert.equal(errorOf(client.send(name, { session_id: ids.session_id })), unhandled(name))
  }
})

test('J-099 reasons that quote the client are bounded', () => {
  const reply = world().client.send('x'.repeat(100_000))
  assert.ok(errorOf(reply).length < 600)
})

test('a client can only use so many sessions and handles', () => {
  const { client } = world({ limits: { sessionsPerAccount: 2, handlesPerSession: 2 } })
  const sessionId = client.create()
  client.create()
  assert.equal(errorOf(client.send('create')), '472 Too many sessions of this client')
  client.attach(sessionId)
  client.attach(sessionId)
  const reply = client.send('attach', { session_id: sessionId, plugin: 'janus.plugin.fake' })
  assert.match(errorOf(reply), /^461 .*too many handles/)
})

test('the server can only have so many handles, and gets back those that end', () => {
  const { client, gateway } = world({ limits: { handles: 2 } })
  const sessions = [client.create(), client.create()] as const
  const handleId = client.attach(sessions[0])
  client.attach(sessions[1])
  const attach = () => client.send('attach', { session_id: sessions[0], plugin: 'janus.plugin.fake' })
  const full = /^461 .*too many handles on this server/
  assert.match(errorOf(attach()), full)
  client.send('detach', { session_id: sessions[0], handle_id: handleId })
  assert.equal(attach().janus, 'success')
  assert.match(errorOf(attach()), full)
  client.send('destroy', { session_id: sessions[1] })
  assert.equal(attach().janus, 'success')
  assert.match(errorOf(attach()), full)
  gateway.setLimits({ handles: 3 })
  assert.equal(attach().janus, 'success')
})

test('the server can only have so many sessions', () => {
  const { client, gateway } = world({ limits: { sessions: 2 } })
  client.create()
  const other = new FakeClient(gateway)
  const sessionId = other.create()
  assert.equal(errorOf(other.send('create')), '472 Too many sessions')
  other.send('destroy', { session_id: sessionId })
  assert.equal(client.send('create').janus, 'success')
})

test('a plugin that throws in attach is 461, and loud', () => {
  const log = new RecordingLog()
  const broken = { ...world().plugin, attach: () => assert.fail('broken') }
  const gateway = createGateway({ plugins: [broken], facts, log })
  const client = new FakeClient(gateway)
  const reply = client.send('attach', { session_id: client.create(), plugin: 'janus.plugin.fake' })
  assert.equal(errorOf(reply), '461 Error attaching plugin')
  assert.deepEqual(log.lines, ['error: a plugin threw: this is a bug'])
  gateway.close()
})

test('close tells and ends all sessions and takes no new ones; twice is harmless', () => {
  const { client, gateway, handle, clock, ids } = attached()
  assert.deepEqual(gateway.live(), { sessions: 1, handles: 1 })
  gateway.close()
  gateway.close()
  assert.deepEqual(gateway.live(), { sessions: 0, handles: 0 })
  assert.deepEqual(handle.calls, ['detached'])
  assert.equal(clock.timers, 0)
  assert.deepEqual(client.kinds(), ['timeout'])
  assert.match(errorOf(client.send('create')), /^472/)
  assert.match(errorOf(client.send('keepalive', ids)), /^458/)
})
