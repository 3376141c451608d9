import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './testing/peer.js'

test('an empty body succeeds and says nothing else', async () => {
  assert.deepEqual(await stage().peer().send({}), { data: { success: true } })
})

test('a body without a kind that exists is refused, whatever it is', async () => {
  const alice = stage().peer()
  const expected = 'Field "kind": expected one of join, subscribe, block, unblock, data, kick.'
  for (const kind of [undefined, null, 5, ['join'], {}]) {
    assert.deepEqual(await alice.fails({ kind, more: 1 }), { code: 'invalid_message', msg: expected })
  }
  for (const kind of ['', 'JOIN', 'constructor', '__proto__', 'toString']) {
    assert.deepEqual(await alice.fails({ kind }), { code: 'unknown_kind', msg: expected })
  }
})

test('wrong types in every field are values, never exceptions', async () => {
  const alice = stage().peer()
  const fields = ['room_id', 'user_id', 'subscribe', 'token', 'what', 'notifications', 'data', 'media', 'whom', 'body']
  const odd: unknown[] = [null, true, -1, 1e300, '', 'x\u0000', [], [[]], {}, { toString: 1 }, { kind: 'join' }]
  await alice.join('alice')
  for (const kind of ['join', 'subscribe', 'block', 'unblock', 'data', 'kick']) {
    for (const value of odd) {
      const reply = await alice.send({ kind, ...Object.fromEntries(fields.map((field) => [field, value])) })
      assert.equal(typeof reply.data.success, 'boolean')
    }
  }
  assert.deepEqual(await alice.send({}), { data: { success: true } })
})
