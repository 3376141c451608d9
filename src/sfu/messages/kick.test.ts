import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from '../auth.js'
import { stage } from '../testing/peer.js'

const kick = { kind: 'kick', room_id: 'room', user_id: 'bob', token: 'master' }

test('with permission it ends all connections of the user in that room, and only those', async () => {
  const { peer } = stage({ auth: { ...open, kick: async () => undefined } })
  const [alice, first, second, elsewhere] = [peer(), peer(), peer(), peer()]
  await alice.join('alice', { notifications: true })
  await first.join('bob')
  await second.join('bob')
  await elsewhere.join('bob', undefined, 'other')
  alice.take()
  assert.deepEqual(await alice.send(kick), { data: { success: true, response: {} } })
  assert.deepEqual([first.detaches, second.detaches, elsewhere.detaches, alice.detaches], [1, 1, 0, 0])
  assert.deepEqual(alice.events(), [{ event: 'leave', user_id: 'bob', room_id: 'room' }])
  await alice.ok(kick)
})

test('who kicks his own user id gets the reply, and then goes like the others', async () => {
  const { peer } = stage({ auth: { ...open, kick: async () => undefined } })
  const [alice, watcher, carol] = [peer(), peer(), peer()]
  await alice.join('bob')
  await watcher.join('bob')
  await carol.join('carol', { notifications: true })
  const reply = await alice.send(kick)
  assert.deepEqual(reply, { data: { success: true, response: {} } })
  assert.deepEqual([alice.detaches, watcher.detaches], [0, 1])
  await new Promise(setImmediate)
  assert.equal(alice.detaches, 1)
  assert.deepEqual(carol.events(), [{ event: 'leave', user_id: 'bob', room_id: 'room' }])
})

test('without tokens nobody may kick', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  assert.deepEqual(await alice.fails(kick), { code: 'kick_not_permitted', msg: 'Rejecting kick without permission!' })
  assert.equal(bob.detaches, 0)
  assert.match((await alice.fails({ ...kick, user_id: {} })).msg, /^Field "user_id"/)
})
