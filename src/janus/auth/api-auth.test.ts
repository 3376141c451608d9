import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { errorOf, FakeClient, world } from '../testing/client.js'
import { apiAuth, openApi } from './api-auth.js'

const FAKE = 'janus.plugin.fake'
const forbidden = '403 Unauthorized request (wrong or missing secret/token)'

const signed = (data: string, secret = 'sekret') =>
  `${data}:${createHmac('sha1', secret).update(data).digest('base64')}`

test('J-034 info and ping need no secret; info says what is wanted', () => {
  const { client } = world({ auth: apiAuth({ secret: 's', tokens: 'stored' }) })
  assert.equal(client.send('ping').janus, 'pong')
  const info = client.send('info')
  assert.deepEqual([info.janus, info.api_secret, info.auth_token], ['server_info', true, true])
  const open = world().client.send('info')
  assert.deepEqual([open.api_secret, open.auth_token], [false, false])
})

test('J-100 every other request needs the secret, and that is looked at before the session', () => {
  const { client } = world({ auth: apiAuth({ secret: 'right' }) })
  const apisecret = 'right'
  const session_id = client.create({ apisecret })
  const handle_id = client.attach(session_id, { apisecret })
  const ids = { session_id, handle_id }
  const requests: [string, object][] = [
    ['create', {}],
    ['keepalive', { session_id }],
    ['claim', { session_id }],
    ['attach', { session_id, plugin: FAKE }],
    ['message', { ...ids, body: {} }],
    ['trickle', { ...ids, candidate: null }],
    ['hangup', ids],
    ['detach', ids],
    ['destroy', { session_id }],
  ]
  for (const [name, fields] of requests) {
    for (const wrong of [{}, { apisecret: 'Right' }, { apisecret: 7 }, { apisecret: null }, { token: 'right' }]) {
      assert.equal(errorOf(client.send(name, { ...fields, ...wrong })), forbidden, name)
    }
    assert.notEqual(client.send(name, { ...fields, apisecret }).janus, 'error', name)
  }
  assert.equal(errorOf(client.send('keepalive', { session_id: 1 })), forbidden)
  assert.equal(errorOf(client.send('keepalive', { session_id: 1, apisecret })), '458 No such session 1')
  assert.match(errorOf(client.send('foo')), /^457/)
  assert.equal(errorOf(client.send('foo', { session_id: -1 })), '458 Session not found')
})

test('J-039 J-100 472 comes before 403, and 403 before 468', () => {
  const { client, gateway } = world({ auth: apiAuth({ secret: 's' }) })
  client.create({ id: 5, apisecret: 's' })
  assert.equal(errorOf(client.send('create', { id: 5 })), forbidden)
  gateway.acceptNewSessions(false)
  assert.equal(errorOf(client.send('create')), '472 Currently not accepting new sessions')
})

test('J-101 secret or token, either is enough', () => {
  const auth = apiAuth({ secret: 's', tokens: 'stored' })
  auth.storedTokens?.add('t', [FAKE])
  const { client } = world({ auth })
  const good = [{ apisecret: 's' }, { token: 't' }, { apisecret: 'x', token: 't' }, { apisecret: 's', token: 'x' }]
  for (const credentials of good) assert.equal(client.send('create', credentials).janus, 'success')
  for (const credentials of [{}, { apisecret: 't' }, { token: 's' }, { token: ['t'] }]) {
    assert.equal(errorOf(client.send('create', credentials)), forbidden)
  }
})

test('J-102 a token that may not use the plugin: 405, even with the right secret; secret and no token: all', () => {
  const auth = apiAuth({ secret: 's', tokens: 'stored' })
  auth.storedTokens?.add('t', [])
  const { client } = world({ auth })
  const session_id = client.create({ token: 't' })
  const attach = (credentials: object) => client.send('attach', { session_id, plugin: FAKE, ...credentials })
  const refused = `405 Provided token can't access plugin '${FAKE}'`
  assert.equal(errorOf(attach({ token: 't' })), refused)
  assert.equal(errorOf(attach({ token: 't', apisecret: 's' })), refused)
  assert.equal(errorOf(attach({ token: 'unknown', apisecret: 's' })), refused)
  assert.equal(attach({ apisecret: 's' }).janus, 'success')
  assert.match(errorOf(client.send('attach', { session_id, plugin: 'nope', token: 't' })), /^460/)
})

test('J-103 stored tokens: added, allowed, disallowed, listed, removed; sessions of a removed one stay', () => {
  const auth = apiAuth({ tokens: 'stored' })
  const tokens = auth.storedTokens!
  const { client, gateway } = world({ auth })
  assert.deepEqual(tokens.add('t', [FAKE]), [FAKE])
  assert.deepEqual(tokens.add('t', ['other']), [FAKE, 'other'])
  assert.deepEqual(tokens.disallow('t', [FAKE, 'none']), ['other'])
  assert.deepEqual(tokens.list(), [{ token: 't', plugins: ['other'] }])
  const session_id = client.create({ token: 't' })
  const attach = () => client.send('attach', { session_id, plugin: FAKE, token: 't' })
  assert.match(errorOf(attach()), /^405/)
  assert.deepEqual(tokens.allow('t', [FAKE]), ['other', FAKE])
  assert.equal(attach().janus, 'success')
  assert.deepEqual([tokens.allow('x', []), tokens.disallow('x', []), tokens.remove('x')], [undefined, undefined, false])
  assert.equal(tokens.remove('t'), true)
  assert.equal(errorOf(client.send('keepalive', { session_id, token: 't' })), forbidden)
  assert.deepEqual(gateway.live(), { sessions: 1, handles: 1 })
  assert.deepEqual(tokens.list(), [])
})

test('J-104 signed tokens: good until they expire, for the plugins that they name', () => {
  let nowSeconds = 1_000_000
  const auth = apiAuth({ tokens: { signedWith: 'sekret', nowSeconds: () => nowSeconds } })
  const { client, gateway } = world({ auth })
  const token = '1795356362,janus,janus.plugin.echotest:Q8BbOTubIi7YhejmNIUdJeE/hc4='
  assert.equal(signed('1795356362,janus,janus.plugin.echotest'), token)
  assert.deepEqual([auth.admits({ token }), auth.mayAttach({ token }, 'janus.plugin.echotest')], [true, true])
  assert.equal(auth.mayAttach({ token }, FAKE), false)
  nowSeconds = 1795356362
  assert.equal(auth.admits({ token }), true)
  nowSeconds = 1795356362.001
  assert.equal(auth.admits({ token }), false)

  nowSeconds = 1000
  const good = signed(`1000,janus,${FAKE},other`)
  const session_id = client.create({ token: good })
  assert.equal(client.send('attach', { session_id, plugin: FAKE, token: good }).janus, 'success')
  const bare = signed('1000,janus')
  assert.equal(client.send('create', { token: bare }).janus, 'success')
  assert.match(errorOf(client.send('attach', { session_id, plugin: FAKE, token: bare })), /^405/)
  const wrong = [
    signed(`999,janus,${FAKE}`),
    signed(`1000,other,${FAKE}`),
    signed(`1000,janus,${FAKE}`, 'other secret'),
    signed(`,janus,${FAKE}`),
    signed(`1e9,janus,${FAKE}`),
    signed(`-1,janus,${FAKE}`),
    signed(`${'9'.repeat(400)},janus`),
    signed(`1000,janus,${'x'.repeat(5000)}`),
    signed('1000'),
    signed(''),
    `${good}:`,
    good.replace(':', ','),
    good.slice(0, -1),
    '',
  ]
  for (const token of wrong) assert.equal(errorOf(client.send('create', { token })), forbidden, token.slice(0, 80))
  assert.equal(auth.storedTokens, undefined)
  assert.equal(gateway.live().sessions, 2)
})

test('nothing wanted: open, whatever is sent', () => {
  assert.equal(apiAuth({}), openApi)
  const client = new FakeClient(world().gateway)
  assert.equal(client.send('create', { apisecret: 7, token: {} }).janus, 'success')
})
