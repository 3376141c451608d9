import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from '../testing/peer.js'

async function room() {
  const here = stage()
  const alice = here.peer()
  await alice.publish()
  await alice.join('alice', { data: true })
  return { ...here, alice }
}

test('it reaches every connection of the others with data:true that is no pure media subscriber', async () => {
  const { peer, alice } = await room()
  const [own, bob, deaf, viewer, elsewhere] = [peer(), peer(), peer(), peer(), peer()]
  await own.join('alice', { data: true })
  await bob.join('bob', { data: true })
  await deaf.join('bob')
  await viewer.join('bob', { data: true, media: 'alice' })
  await elsewhere.join('bob', { data: true }, 'other')
  viewer.take()
  assert.deepEqual(await alice.send({ kind: 'data', body: 'hi' }), { data: { success: true, response: {} } })
  assert.deepEqual(bob.events(), [{ event: 'data', body: 'hi', from: 'alice' }])
  for (const silent of [alice, own, deaf, viewer, elsewhere]) assert.deepEqual(silent.events(), [])
})

test('whom names one user; one who is not there, or yourself, is nobody', async () => {
  const { peer, alice } = await room()
  const [bob, carol] = [peer(), peer()]
  await bob.join('bob', { data: true })
  await carol.join('carol', { data: true })
  await alice.ok({ kind: 'data', body: '', whom: 'carol' })
  await alice.ok({ kind: 'data', body: 'x', whom: 'nobody' })
  await alice.ok({ kind: 'data', body: 'x', whom: 'alice' })
  await carol.ok({ kind: 'data', body: 'x', whom: null })
  assert.deepEqual(carol.events(), [{ event: 'data', body: '', from: 'alice' }])
  assert.deepEqual(
    [alice, bob].map((each) => each.events().length),
    [1, 1],
  )
})

test('the body is a string of at most 64 KiB of UTF-8', async () => {
  const { alice, peer } = await room()
  const bob = peer()
  await bob.join('bob', { data: true })
  await alice.ok({ kind: 'data', body: 'é'.repeat(32_768) })
  assert.equal(bob.events().length, 1)
  assert.equal((await alice.fails({ kind: 'data', body: `${'é'.repeat(32_768)}x` })).code, 'body_too_large')
  for (const body of [undefined, null, 5, {}, ['x']]) {
    const { code, msg } = await alice.fails({ kind: 'data', body })
    assert.deepEqual([code, msg], ['invalid_message', 'Field "body": expected a string.'])
  }
  assert.deepEqual(bob.events(), [])
})

test('outside a room it is refused', async () => {
  const error = await stage().peer().fails({ kind: 'data', body: 'x' })
  assert.deepEqual(error, { code: 'not_in_room', msg: 'Cannot send data when not in a room.' })
})
