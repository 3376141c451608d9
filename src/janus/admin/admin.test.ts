import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiAuth } from '../auth/api-auth.js'
import { errorOf, facts, world } from '../testing/client.js'
import { ADMIN_SECRET, Operator, operated } from '../testing/operator.js'
import { adminRequests } from './index.js'
import { unsupportedReasons } from './unsupported.js'

const forbidden = '403 Unauthorized request (wrong or missing secret/token)'

test('J-106 every request needs the secret, but info and ping', async () => {
  const { operator, ids } = operated()
  const bare = (janus: string, fields: object) => operator.raw({ janus, transaction: 't', ...fields })
  assert.deepEqual(await bare('ping', {}), { janus: 'pong', transaction: 't' })
  const info = await bare('INFO', {})
  assert.deepEqual([info.janus, info.transaction, info.name], ['server_info', 't', 'rostra'])
  const idsOf = { server: {}, session: { session_id: ids.session_id }, handle: ids }
  for (const [scope, requests] of adminRequests) {
    for (const [name, request] of requests) {
      if (request.open) continue
      for (const admin_secret of [undefined, null, 7, '', 'open sesam', `${ADMIN_SECRET} `]) {
        const reply = await bare(name, { ...idsOf[scope], ...(admin_secret !== undefined && { admin_secret }) })
        assert.equal(errorOf(reply), forbidden, name)
      }
    }
  }
  assert.equal(errorOf(await bare('nothing', {})), forbidden)
  assert.equal(errorOf(await bare('list_handles', { session_id: 1 })), forbidden, 'before it is said what there is')
  assert.ok(operator.refusals > 200)
})

test('J-107 unknown requests are 457 at all levels, what is no request is 456', async () => {
  const { operator, ids } = operated()
  const { session_id } = ids
  for (const fields of [{}, { session_id }, ids]) {
    assert.equal(errorOf(await operator.send('foo', fields)), "457 Unhandled request 'foo' at this path")
    assert.match(errorOf(await operator.send('constructor', fields)), /^457/)
  }
  assert.match(errorOf(await operator.send('handle_info', { session_id })), /^457/)
  assert.match(errorOf(await operator.send('info', { session_id })), /^457/)
  for (const nonsense of [[], 'x', null, 7, {}]) {
    const reply = await operator.raw(nonsense)
    assert.equal(errorOf(reply), '456 Missing mandatory element (transaction)')
    assert.ok(!('transaction' in reply))
  }
  assert.equal(errorOf(await operator.raw({ transaction: 't' })), '456 Missing mandatory element (janus)')
  assert.match(errorOf(await operator.raw({ transaction: 't', janus: 7 })), /^467/)
  assert.match(errorOf(await operator.send('list_handles', { session_id: -1 })), /^458 Session not found/)
  assert.match(errorOf(await operator.send('list_handles', { session_id: 5 })), /^458 No such session 5/)
  assert.match(errorOf(await operator.send('handle_info', { session_id, handle_id: 'x' })), /^459 Handle not found/)
  assert.match(errorOf(await operator.send('handle_info', { session_id, handle_id: 5 })), /^459 No such handle 5 in/)
})

test('J-108 status, sessions and handles', async () => {
  const { operator, ids } = operated({}, { sessionTimeoutMs: 30_000, reclaimTimeoutMs: 5000 })
  const { session_id, handle_id } = ids
  assert.deepEqual((await operator.send('get_status')).status, {
    token_auth: false,
    session_timeout: 30,
    reclaim_session_timeout: 5,
    candidates_timeout: 45,
    log_level: 4,
    log_timestamps: true,
    log_colors: false,
    locking_debug: false,
    refcount_debug: false,
    libnice_debug: false,
    min_nack_queue: 200,
    'nack-optimizations': false,
    no_media_timer: 1,
    slowlink_threshold: 0,
  })
  assert.deepEqual((await operator.send('list_sessions')).sessions, [session_id])
  const handles = await operator.send('list_handles', { session_id })
  assert.deepEqual([handles.janus, handles.session_id, handles.handles], ['success', session_id, [handle_id]])
  assert.deepEqual((await operator.send('loops_info')).loops, [{ id: 0, handles: 3 }])
})

test('J-087 hangup, detach and destroy: what the client hears', async () => {
  const { operator, ids, client, handle } = operated()
  const { session_id } = ids
  handle.state = 'stable'
  assert.equal((await operator.send('hangup_webrtc', ids)).janus, 'success')
  assert.deepEqual(client.received.splice(0), [
    { janus: 'hangup', session_id, sender: ids.handle_id, reason: 'Admin API' },
  ])
  assert.equal((await operator.send('detach_handle', ids)).janus, 'success')
  assert.deepEqual(client.kinds(), ['detached'])
  assert.match(errorOf(await operator.send('detach_handle', ids)), /^459/)
  client.attach(session_id)
  client.kinds()
  assert.equal((await operator.send('destroy_session', { session_id })).janus, 'success')
  assert.deepEqual(client.kinds(), [])
  assert.match(errorOf(client.send('keepalive', { session_id })), /^458/)
})

test('J-092 the timeout of all sessions, and of one: seconds, never, and as all', async () => {
  const { operator, ids, client, clock, gateway } = operated()
  const { session_id } = ids
  assert.equal((await operator.send('set_session_timeout', { timeout: 10 })).timeout, 10)
  assert.equal(gateway.serverInfo()['session-timeout'], 10)
  const set = (timeout: unknown) => operator.send('set_session_timeout', { session_id, timeout })
  const never = await set(0)
  assert.deepEqual([never.timeout, never.session_id], [0, session_id])
  clock.advance(600_000)
  assert.deepEqual(client.kinds(), [])
  client.send('keepalive', { session_id })
  assert.equal((await set(-1)).timeout, -1)
  clock.advance(9000)
  assert.deepEqual(client.kinds(), ['ack'])
  clock.advance(3000)
  assert.deepEqual(client.kinds(), ['timeout'])
  const other = operated()
  for (const timeout of [-2, 1.5, '5', null]) {
    const reply = await other.operator.send('set_session_timeout', { session_id: other.ids.session_id, timeout })
    assert.match(errorOf(reply), /^467 Invalid element type \(timeout should be a(n| positive) integer\)/)
  }
  assert.match(errorOf(await other.operator.send('set_session_timeout', { timeout: -1 })), /^467/)
  assert.match(errorOf(await other.operator.send('set_session_timeout')), /^456/)
})

test('an operator who looks is no sign of life', async () => {
  const { operator, ids, client, clock } = operated({}, { sessionTimeoutMs: 60_000 })
  for (let i = 0; i < 7; i++) {
    clock.advance(9000)
    await operator.send('handle_info', ids)
  }
  assert.deepEqual(client.kinds(), ['timeout'])
})

test('J-039 no new sessions while draining', async () => {
  const { operator, client } = operated()
  assert.equal((await operator.send('accept_new_sessions', { accept: false })).accept, false)
  assert.match(errorOf(client.send('create')), /^472/)
  assert.equal((await operator.send('info'))['accepting-new-sessions'], false)
  await operator.send('accept_new_sessions', { accept: true })
  assert.equal(client.send('create').janus, 'success')
})

test('J-110 what can be set, with the key of its reply', async () => {
  const { operator, log } = operated()
  assert.equal((await operator.send('set_no_media_timer', { no_media_timer: 3 })).no_media_timer, 3)
  assert.equal((await operator.send('set_slowlink_threshold', { slowlink_threshold: 7 })).slowlink_threshold, 7)
  assert.deepEqual(operator.tuning, { noMediaTimer: 3, slowlinkThreshold: 7 })
  const names = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'trace']
  for (const [level, name] of names.entries()) {
    assert.equal((await operator.send('set_log_level', { level })).level, level)
    assert.equal(operator.logLevel.level, name)
  }
  const wrong = await operator.send('set_log_level', { level: 8 })
  assert.equal(errorOf(wrong), '467 Invalid element type (level should be between 0 and 7)')
  assert.match(errorOf(await operator.send('set_log_level', { level: -1 })), /^467/)
  for (const level of [1, 3, undefined, 6])
    await operator.send('custom_logline', { line: 'hello', ...(level && { level }) })
  await operator.send('custom_logline', { line: 'hello', level: 0 })
  assert.deepEqual(log.lines, ['error: hello', 'warn: hello', 'info: hello', 'debug: hello'])
  for (const [name, reason] of Object.entries(unsupportedReasons)) {
    assert.equal(errorOf(await operator.send(name)), `490 ${reason}`)
  }
})

test('J-111 messages to plugins, and questions to other parts', async () => {
  const part = { name: 'x', author: 'x', description: 'x', versionString: '1', version: 1 }
  const parts = { eventHandlers: { 'events.test': part }, transports: { 'transport.test': part } }
  const { operator, plugin } = operated({}, { facts: { ...facts, ...parts } })
  const ask = (fields: object) => operator.send('message_plugin', { plugin: plugin.packageName, ...fields })
  assert.equal(errorOf(await ask({})), '490 Plugin does not support Admin API messages')
  const asked: object[] = []
  Object.assign(plugin, { admin: async (request: object) => ({ answer: asked.push(request) }) })
  assert.deepEqual((await ask({ request: { q: 1 } })).response, { answer: 1 })
  assert.deepEqual((await ask({})).response, { answer: 2 })
  assert.deepEqual(asked, [{ q: 1 }, {}])
  assert.equal(errorOf(await ask({ plugin: 'nope' })), '460 Invalid plugin')
  assert.match(errorOf(await ask({ request: [] })), /^467 Invalid element type \(request should be an object\)/)
  Object.assign(plugin, { admin: () => Promise.reject(new Error('bug')) })
  assert.equal(errorOf(await ask({})), '490 Internal error')
  assert.equal(errorOf(await operator.send('query_transport', { transport: 'x' })), '460 Invalid transport')
  assert.equal(errorOf(await operator.send('query_transport', { transport: 'toString' })), '460 Invalid transport')
  const transport = await operator.send('query_transport', { transport: 'transport.test' })
  assert.equal(errorOf(transport), '490 Transport does not support queries')
  const known = await operator.send('query_eventhandler', { handler: 'events.test' })
  assert.equal(errorOf(known), '490 Event handler does not support queries')
  assert.equal(errorOf(await operator.send('query_eventhandler', { handler: 'x' })), '460 Invalid event handler')
  assert.equal(errorOf(await operator.send('query_logger', { logger: 'x' })), '460 Invalid logger')
  await operator.send('custom_event', { schema: 'mine', data: { a: 1 } })
  assert.deepEqual(operator.customEvents, [{ schema: 'mine', data: { a: 1 } }])
})

test('addresses are resolved, or not', async () => {
  const { operator } = operated()
  const found = await operator.send('resolve_address', { address: 'here.test' })
  assert.equal(found.ip, '192.0.2.7')
  assert.ok(Number.isInteger(found.elapsed))
  for (const address of ['gone.test', 'x'.repeat(300)]) {
    assert.equal(errorOf(await operator.send('resolve_address', { address })), '490 Could not resolve address')
  }
})

test('J-103 stored tokens: add, allow, disallow, list, remove', async () => {
  const made = world({ auth: apiAuth({ tokens: 'stored' }) })
  const other = new Operator(made)
  const name = made.plugin.packageName
  const plugins = async (request: string, fields: object) =>
    ((await other.send(request, fields)).data as { plugins: string[] }).plugins
  assert.deepEqual(await plugins('add_token', { token: 'all' }), [name])
  assert.deepEqual(await plugins('add_token', { token: 'some', plugins: ['nope', name, 7] }), [name])
  assert.deepEqual(await plugins('add_token', { token: 'none', plugins: [] }), [])
  assert.deepEqual(await plugins('allow_token', { token: 'none', plugins: [name] }), [name])
  assert.deepEqual(await plugins('disallow_token', { token: 'all', plugins: [name] }), [])
  assert.deepEqual((await other.send('list_tokens')).data, {
    tokens: [
      { token: 'all', allowed_plugins: [] },
      { token: 'some', allowed_plugins: [name] },
      { token: 'none', allowed_plugins: [name] },
    ],
  })
  for (const verb of ['allow_token', 'disallow_token']) {
    const wrong = async (fields: object) => errorOf(await other.send(verb, { token: 'all', ...fields }))
    assert.equal(await wrong({ token: 'x', plugins: [name] }), '470 Token x not found')
    assert.equal(await wrong({ plugins: [] }), '467 Invalid element type (plugins should be a non-empty array)')
    const invalid = '467 Invalid element type (some of the provided plugins are invalid)'
    assert.equal(await wrong({ plugins: [name, 'nope'] }), invalid)
    assert.match(await wrong({}), /^456/)
    assert.match(await wrong({ plugins: 'all' }), /^467/)
  }
  assert.equal((await other.send('remove_token', { token: 'all' })).janus, 'success')
  assert.equal(errorOf(await other.send('remove_token', { token: 'all' })), '490 Error removing token')
})

test('J-105 without stored tokens there is nothing to change', async () => {
  const token = { token: 't', plugins: ['janus.plugin.fake'] }
  for (const auth of [apiAuth({}), apiAuth({ secret: 's' }), apiAuth({ tokens: { signedWith: 'x' } })]) {
    const operator = new Operator(world({ auth }))
    for (const name of ['add_token', 'allow_token', 'disallow_token', 'list_tokens', 'remove_token']) {
      assert.equal(errorOf(await operator.send(name, token)), '490 Stored-Token based authentication disabled')
    }
  }
})
