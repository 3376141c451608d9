import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import { Refusal } from './errors.js'
import { assertEmpty, stage } from './testing/peer.js'
import { type TokenAuthOptions, tokenAuth } from './token-auth.js'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' })
const nowS = 1_700_000_000
const now = () => new Date(nowS * 1000)

const sign = (claims: JWTPayload, alg = 'RS512', key: KeyObject = rsa.privateKey, header: object = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(key)
const good = { join_hub: true, kick_users: false, exp: nowS + 60 }
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const auth = (options: Partial<TokenAuthOptions> = {}) => tokenAuth({ key: spki, now, ...options })
const joinCode = async (token: string | undefined, options?: Partial<TokenAuthOptions>, room = 'room') => {
  const result = await auth(options).join(token, room, 'alice')
  return result instanceof Refusal ? result.code : 'joined'
}

function hs256WithPublicKey(): string {
  const signed = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(good)}`
  return `${signed}.${createHmac('sha256', spki).update(signed).digest('base64url')}`
}

test('H-44: each bad token is refused with its own code and the words of the original', async () => {
  const cases: [name: string, token: string | undefined, code: string, msg: string][] = [
    ['no token', undefined, 'anonymous_join', 'Rejecting anonymous join!'],
    ['empty', '', 'anonymous_join', 'Rejecting anonymous join!'],
    ['rubbish', 'a.b', 'token_invalid', 'Rejecting join with invalid token!'],
    ['huge', 'x'.repeat(20_000), 'token_invalid', 'Rejecting join with invalid token!'],
    ['none', `${base64({ alg: 'none' })}.${base64(good)}.`, 'token_algorithm', 'Rejecting join with invalid token!'],
    ['HS256', hs256WithPublicKey(), 'token_algorithm', 'Rejecting join with invalid token!'],
    ['RS256', await sign(good, 'RS256'), 'token_algorithm', 'Rejecting join with invalid token!'],
    [
      'other key',
      await sign(good, 'RS512', otherRsa.privateKey),
      'token_invalid',
      'Rejecting join with invalid token!',
    ],
    ['expired', await sign({ ...good, exp: nowS - 5 }), 'token_expired', 'Rejecting join with invalid token!'],
    ['early', await sign({ ...good, nbf: nowS + 6 }), 'token_not_yet_valid', 'Rejecting join with invalid token!'],
    ['no exp', await sign({ join_hub: true }), 'token_claim_invalid', 'Rejecting join with invalid token!'],
    [
      'odd claim',
      await sign({ ...good, join_hub: 'yes' }),
      'token_claim_invalid',
      'Rejecting join with invalid token!',
    ],
    ['no join_hub', await sign({ exp: nowS + 60 }), 'join_not_permitted', 'Rejecting join without permission!'],
    [
      'other room',
      await sign({ ...good, room_ids: ['x'] }),
      'room_not_permitted',
      'Rejecting join without permission!',
    ],
    ['no room', await sign({ ...good, room_ids: [] }), 'room_not_permitted', 'Rejecting join without permission!'],
    ['other user', await sign({ ...good, user_id: 'bob' }), 'identity_mismatch', 'Rejecting join without permission!'],
  ]
  const here = stage({ auth: auth() })
  const alice = here.peer()
  await alice.ok({ kind: 'subscribe', notifications: true, data: true })
  for (const [name, token, code, msg] of cases) {
    const error = await alice.fails({ kind: 'join', room_id: 'room', user_id: 'alice', token: token ?? null })
    assert.deepEqual([name, error], [name, { code, msg }])
  }
  const token = await sign(good)
  const bob = here.peer()
  await bob.ok({ kind: 'join', room_id: 'room', user_id: 'bob', token })
  await bob.ok({ kind: 'data', body: 'secret' })
  assert.deepEqual(alice.take(), [])
  await alice.ok({ kind: 'join', room_id: 'room', user_id: 'alice', token })
  for (const each of [alice, bob]) each.handle.detached()
  assertEmpty(here)
})

test('clocks may be five seconds apart, either way', async () => {
  assert.equal(await joinCode(await sign({ ...good, exp: nowS - 4 })), 'joined')
  assert.equal(await joinCode(await sign({ ...good, exp: nowS - 5 })), 'token_expired')
  assert.equal(await joinCode(await sign({ ...good, nbf: nowS + 5 })), 'joined')
  assert.equal(await joinCode(await sign({ ...good, nbf: nowS + 6 })), 'token_not_yet_valid')
})

test('claims: rooms, nbf, identity by user_id, and by sub only when bound', async () => {
  assert.equal(await joinCode(await sign({ ...good, room_ids: ['other', 'room'], nbf: nowS })), 'joined')
  assert.equal(await joinCode(await sign({ ...good, room_ids: null })), 'joined')
  assert.equal(await joinCode(await sign({ ...good, room_ids: [7] }), {}, '7'), 'joined')
  assert.equal(await joinCode(await sign({ ...good, sub: 'bob' })), 'joined')
  assert.equal(await joinCode(await sign({ ...good, sub: 'bob' }), { bindSub: true }), 'identity_mismatch')
  assert.equal(await joinCode(await sign({ ...good, sub: 'alice' }), { bindSub: true }), 'joined')
  assert.equal(await joinCode(await sign({ ...good, sub: 'x', user_id: 'alice' }), { bindSub: true }), 'joined')
  assert.equal(await joinCode(await sign(good), { bindSub: true }), 'token_claim_invalid')
})

test('keys: PEM and DER, SPKI and PKCS#1, RSA, EC and Ed25519, each with the algorithms that fit', async () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const forms = [
    [rsa, { type: 'spki', format: 'der' }, 'RS512'],
    [rsa, { type: 'pkcs1', format: 'pem' }, 'RS512'],
    [rsa, { type: 'pkcs1', format: 'der' }, 'RS512'],
    [ec, { type: 'spki', format: 'pem' }, 'ES256'],
    [ed, { type: 'spki', format: 'der' }, 'EdDSA'],
    [ed, { type: 'spki', format: 'pem' }, 'Ed25519'],
  ] as const
  for (const [pair, form, alg] of forms) {
    const key = pair.publicKey.export(form as { type: 'spki'; format: 'pem' })
    assert.equal(await joinCode(await sign(good, alg, pair.privateKey), { key }), 'joined', `${form.type} ${alg}`)
  }
  const rs256 = await sign(good, 'RS256')
  assert.equal(await joinCode(rs256, { algorithms: ['RS256', 'PS256'] }), 'joined')
  assert.equal(await joinCode(await sign(good), { algorithms: ['RS256'] }), 'token_algorithm')
})

test('a key that cannot be used is one clear sentence at start', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })
  const dsa = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ type: 'spki', format: 'pem' })
  const cases: [Partial<TokenAuthOptions>, RegExp][] = [
    [{ key: 'rubbish' }, /no public key/],
    [{ key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' }, /no public key/],
    [{ key: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) }, /private key/],
    [{ key: small }, /2048 bits/],
    [{ key: dsa }, /secp256k1 cannot be used/],
    [{ algorithms: ['HS256'] }, /HS256 does not fit/],
    [{ algorithms: ['ES256'] }, /ES256 does not fit/],
    [{ key: new URL('http://keys.example/jwks') }, /https/],
  ]
  for (const [options, message] of cases) assert.throws(() => auth(options), message)
})

test('kick needs kick_users for that room', async () => {
  const { kick } = auth()
  const code = async (token: string | undefined, room = 'room') => (await kick(token, room))?.code
  assert.equal(await code(await sign({ ...good, kick_users: true })), undefined)
  assert.equal(await code(await sign({ kick_users: true, exp: nowS + 9, room_ids: ['room'] })), undefined)
  const refused = [
    undefined,
    await sign(good),
    await sign({ ...good, kick_users: true, room_ids: ['other'] }),
    await sign({ ...good, kick_users: true, exp: nowS - 5 }),
    await sign({ ...good, kick_users: true }, 'RS512', otherRsa.privateKey),
  ]
  for (const token of refused) assert.equal(await code(token), 'kick_not_permitted')
})

test('with tokens, notifications are about the rooms that the token allows', async () => {
  const { peer } = stage({ auth: auth() })
  const join = async (name: string, room: string, claims: object = {}) => {
    const who = peer()
    const token = await sign({ ...good, ...claims })
    await who.ok({ kind: 'join', room_id: room, user_id: name, token, subscribe: { notifications: true } })
    return who
  }
  const stranger = peer()
  await stranger.ok({ kind: 'subscribe', notifications: true })
  const everywhere = await join('eve', 'one')
  const confined = await join('con', 'one', { room_ids: ['one'] })
  for (const each of [everywhere, confined]) each.take()
  await join('new', 'two')
  const told = [{ event: 'join', user_id: 'new', room_id: 'two' }]
  assert.deepEqual(
    [stranger, everywhere, confined].map((each) => each.events()),
    [[], told, []],
  )
})

test('H-46: with identity a newer publisher ends the older client at once: leave, then join', async () => {
  const here = stage({ auth: auth() })
  const token = await sign({ ...good, user_id: 'alice' })
  const body = { kind: 'join', room_id: 'room', user_id: 'alice', token }
  const witness = here.peer()
  const subscribe = { notifications: true }
  await witness.ok({ ...body, user_id: 'witness', token: await sign(good), subscribe })
  const [old, oldViewer, recent] = [here.peer('', 1), here.peer('', 1), here.peer('', 2)]
  await old.publish()
  await old.ok(body)
  await oldViewer.ok({ ...body, subscribe: { media: 'witness' } })
  witness.take()
  await recent.publish()
  assert.equal(old.detaches, 0)
  const reply = await recent.ok(body)
  assert.deepEqual(reply.data.response, { users: { room: ['witness', 'alice'] } })
  assert.deepEqual([old.detaches, oldViewer.detaches, recent.detaches], [1, 1, 0])
  assert.deepEqual(
    witness.events().map(({ event, user_id }) => [event, user_id]),
    [
      ['leave', 'alice'],
      ['join', 'alice'],
    ],
  )
  const viewer = here.peer('', 2)
  await viewer.ok({ ...body, subscribe: { media: 'witness' } })
  await recent.publish()
  assert.deepEqual([recent.detaches, viewer.detaches, witness.events()], [0, 0, []])
  // One that joins before it publishes: the user never is away, but who looks at it has to begin anew.
  const third = here.peer('', 2)
  await third.ok(body)
  assert.deepEqual(witness.events(), [])
  await third.publish()
  assert.deepEqual([recent.detaches, viewer.detaches], [1, 0])
  assert.deepEqual(
    witness.events().map(({ event, user_id }) => [event, user_id]),
    [
      ['leave', 'alice'],
      ['join', 'alice'],
    ],
  )
})

test('a token that expires later cuts nobody off', async () => {
  let timeS = nowS
  const { peer } = stage({ auth: auth({ now: () => new Date(timeS * 1000) }) })
  const alice = peer()
  await alice.publish()
  await alice.ok({ kind: 'join', room_id: 'room', user_id: 'alice', token: await sign(good) })
  timeS += 3600
  const late = peer()
  const token = await sign({ ...good, exp: timeS + 1 })
  const { jsep } = await late.ok({
    kind: 'join',
    room_id: 'room',
    user_id: 'late',
    token,
    subscribe: { media: 'alice' },
  })
  assert.equal(jsep?.type, 'offer')
})

test('a JWK file is a key too, and may name its algorithm', async () => {
  const jwk = rsa.publicKey.export({ format: 'jwk' })
  const text = (extra: object = {}) => JSON.stringify({ ...jwk, ...extra }, undefined, 2)
  assert.equal(await joinCode(await sign(good), { key: text() }), 'joined')
  assert.equal(await joinCode(await sign(good, 'RS256'), { key: text() }), 'token_algorithm')
  assert.equal(await joinCode(await sign(good, 'RS256'), { key: text({ alg: 'RS256' }) }), 'joined')
  assert.equal(await joinCode(await sign(good), { key: text({ alg: 'RS256' }) }), 'token_algorithm')
  const refused: [key: string, words: RegExp][] = [
    [text({ alg: 'HS256' }), /HS256 does not fit/],
    [JSON.stringify(rsa.privateKey.export({ format: 'jwk' })), /not public/],
    [JSON.stringify({ kty: 'oct', k: 'c2VjcmV0' }), /not public/],
    [JSON.stringify({ keys: [jwk] }), /set of keys/],
    [JSON.stringify({ kty: 'RSA' }), /no public key/],
    ['{', /neither JSON/],
  ]
  for (const [key, words] of refused) assert.throws(() => auth({ key }), words)
})

test('JWKS: by kid, without kid, with the algorithm that the key names; unreachable is no fault of the token', async () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const named = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = [
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one' },
    { ...otherRsa.publicKey.export({ format: 'jwk' }), kid: 'two' },
    { ...named.publicKey.export({ format: 'jwk' }), kid: 'named', alg: 'RS256' },
    { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' },
    { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'weak' },
  ]
  const server = createServer((_request, response) => response.end(JSON.stringify({ keys })))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const key = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`)
  const shared = auth({ key })
  const code = async (token: string) => {
    const result = await shared.join(token, 'room', 'alice')
    return result instanceof Refusal ? result.code : 'joined'
  }
  try {
    assert.equal(await code(await sign(good, 'RS512', otherRsa.privateKey, { kid: 'two' })), 'joined')
    assert.equal(await code(await sign(good, 'RS512', otherRsa.privateKey)), 'joined')
    assert.equal(await code(await sign(good, 'ES256', ec.privateKey)), 'joined')
    assert.equal(await code(await sign(good, 'RS256', named.privateKey, { kid: 'named' })), 'joined')
    assert.equal(await code(await sign(good, 'RS256', rsa.privateKey, { kid: 'one' })), 'token_algorithm')
    assert.equal(await code(await sign(good, 'RS512', rsa.privateKey, { kid: 'two' })), 'token_invalid')
    assert.equal(await code(await sign(good, 'RS512', rsa.privateKey, { kid: 'missing' })), 'token_invalid')
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
    assert.equal(await code(await sign(good, 'RS512', stranger.privateKey)), 'token_invalid')
  } finally {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  assert.equal(await joinCode(await sign(good), { key }), 'keys_unavailable')
})
