/** A JWK Set over its life: rotation, floods of unknown keys, and a server that is away. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SignJWT } from 'jose'
import { Refusal } from './errors.js'
import { tokenAuth } from './token-auth.js'

const MINUTE_MS = 60_000

interface Pair {
  kid: string
  publicKey: KeyObject
  privateKey: KeyObject
}
const pair = (kid: string): Pair => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) })

/** A key server whose keys, health and clock the test holds. */
async function stage(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
  let fetches = 0
  let status = 200
  let keys: Pair[] = []
  const server: Server = createServer((_request, response) => {
    fetches++
    const jwks = keys.map(({ publicKey, kid }) => ({ ...publicKey.export({ format: 'jwk' }), kid }))
    response.writeHead(status, { connection: 'close' }).end(JSON.stringify({ keys: jwks }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => new Promise((done) => server.close(done)))
  const auth = tokenAuth({ key: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`) })
  return {
    serve(...those: Pair[]) {
      keys = those
    },
    answer(code: number) {
      status = code
    },
    fetches: () => fetches,
    pass: (ms: number) => t.mock.timers.tick(ms),
    /** @returns `joined`, or the code of the refusal of a token signed with that key */
    async join({ kid, privateKey }: Pair): Promise<string> {
      const exp = Math.floor(Date.now() / 1000) + 60
      const token = await new SignJWT({ join_hub: true, exp })
        .setProtectedHeader({ alg: 'ES256', kid })
        .sign(privateKey)
      const result = await auth.join(token, 'room', 'alice')
      return result instanceof Refusal ? result.code : 'joined'
    },
  }
}

const [first, second, stranger] = [pair('first'), pair('second'), pair('stranger')]

test('a set is fetched once, and again for a key that it does not have: not more often than every 30 s', async (t) => {
  const here = await stage(t)
  here.serve(first)
  assert.deepEqual([await here.join(first), await here.join(first), here.fetches()], ['joined', 'joined', 1])
  for (let i = 0; i < 5; i++) assert.equal(await here.join(stranger), 'token_invalid')
  assert.equal(here.fetches(), 1)
  here.pass(MINUTE_MS)
  for (let i = 0; i < 5; i++) assert.equal(await here.join(stranger), 'token_invalid')
  assert.equal(here.fetches(), 2)
})

test('rotation: the new key is taken at once, the old one no longer than 10 minutes after it left the set', async (t) => {
  const here = await stage(t)
  here.serve(first)
  assert.equal(await here.join(first), 'joined')
  here.pass(MINUTE_MS)
  here.serve(first, second)
  assert.deepEqual([await here.join(second), await here.join(first)], ['joined', 'joined'])
  here.serve(second)
  assert.equal(await here.join(first), 'joined')
  here.pass(10 * MINUTE_MS + 1)
  assert.deepEqual([await here.join(first), await here.join(second)], ['token_invalid', 'joined'])
})

test('while the server is away known keys go on for a day, others cannot be checked; when it is back all is as before', async (t) => {
  const here = await stage(t)
  here.answer(500)
  assert.equal(await here.join(first), 'keys_unavailable')
  here.answer(200)
  here.serve(first)
  here.pass(1_000)
  assert.equal(await here.join(first), 'joined')
  here.answer(500)
  here.pass(MINUTE_MS)
  assert.deepEqual([await here.join(first), await here.join(second)], ['joined', 'keys_unavailable'])
  here.pass(20 * MINUTE_MS)
  const before = here.fetches()
  for (let i = 0; i < 5; i++) {
    assert.deepEqual([await here.join(first), await here.join(second)], ['joined', 'keys_unavailable'])
  }
  assert.equal(here.fetches(), before + 1)
  here.answer(200)
  here.serve(second)
  here.pass(MINUTE_MS)
  assert.deepEqual([await here.join(second), await here.join(first)], ['joined', 'token_invalid'])
  here.answer(500)
  here.pass(25 * 60 * MINUTE_MS)
  assert.equal(await here.join(second), 'keys_unavailable')
})

test('a server that was always away is asked once a second, however many come', async (t) => {
  const here = await stage(t)
  here.answer(500)
  for (let i = 0; i < 5; i++) assert.equal(await here.join(first), 'keys_unavailable')
  assert.equal(here.fetches(), 1)
  here.pass(1_000)
  for (let i = 0; i < 5; i++) assert.equal(await here.join(first), 'keys_unavailable')
  assert.equal(here.fetches(), 2)
})

test('what is no set of keys counts as away', async (t) => {
  const here = await stage(t)
  here.answer(404)
  assert.equal(await here.join(first), 'keys_unavailable')
})
