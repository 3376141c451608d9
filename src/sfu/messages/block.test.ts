import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryBlocks } from '../testing/memory-blocks.js'
import { assertEmpty, stage } from '../testing/peer.js'

const block = (whom: unknown) => ({ kind: 'block', whom })
const unblock = (whom: unknown) => ({ kind: 'unblock', whom })

test('a block is in force on the workers before the reply, and the target is told by whom', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  pool.holdBlocks = true
  let replied = false
  const reply = alice.send(block('bob')).then((value) => {
    replied = true
    return value
  })
  await new Promise(setImmediate)
  assert.ok(pool.isBlocked('room', 'alice', 'bob'))
  assert.equal(replied, false)
  pool.release()
  assert.deepEqual(await reply, { data: { success: true, response: {} } })
  assert.deepEqual(bob.events(), [{ event: 'blocked', by: 'alice' }])
  assert.deepEqual(await alice.send(unblock('bob')), { data: { success: true, response: {} } })
  assert.equal(pool.isBlocked('room', 'alice', 'bob'), false)
  assert.deepEqual(bob.events(), [{ event: 'unblocked', by: 'alice' }])
})

test('data messages pass in neither direction', async () => {
  const { peer } = stage()
  const [alice, bob, carol] = [peer(), peer(), peer()]
  for (const [who, name] of [
    [alice, 'alice'],
    [bob, 'bob'],
    [carol, 'carol'],
  ] as const)
    await who.join(name, { data: true })
  await alice.ok(block('bob'))
  bob.take()
  await alice.ok({ kind: 'data', body: 'a' })
  await bob.ok({ kind: 'data', body: 'b' })
  await bob.ok({ kind: 'data', body: 'b', whom: 'alice' })
  assert.deepEqual([alice.events(), bob.events()], [[], []])
  assert.deepEqual(
    carol.events().map(({ from }) => from),
    ['alice', 'bob'],
  )
})

test('both have to unblock when both have blocked; blocking twice is one block', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  await alice.ok(block('bob'))
  await alice.ok(block('bob'))
  await bob.ok(block('alice'))
  assert.deepEqual(bob.events(), [{ event: 'blocked', by: 'alice' }])
  assert.deepEqual(alice.events(), [{ event: 'blocked', by: 'bob' }])
  await alice.ok(unblock('bob'))
  await alice.ok(unblock('bob'))
  assert.deepEqual(bob.events(), [{ event: 'unblocked', by: 'alice' }])
  assert.ok(pool.isBlocked('room', 'alice', 'bob'))
  await bob.ok(unblock('alice'))
  assert.equal(pool.isBlocked('room', 'alice', 'bob'), false)
})

test('errors: outside a room, yourself, malformed', async () => {
  const { peer } = stage()
  const alice = peer()
  assert.deepEqual(await alice.fails(block('bob')), { code: 'not_in_room', msg: 'Cannot block when not in a room.' })
  assert.deepEqual(await alice.fails(unblock('bob')), {
    code: 'not_in_room',
    msg: 'Cannot unblock when not in a room.',
  })
  await alice.join('alice')
  assert.equal((await alice.fails(block('alice'))).code, 'block_self')
  await alice.ok(unblock('alice'))
  assert.match((await alice.fails(block(''))).msg, /^Field "whom": expected/)
  assert.match((await alice.fails({ kind: 'block' })).msg, /^Field "whom": expected/)
})

test('blocks outlive connections and servers, and hold before media can flow', async () => {
  const blocks = memoryBlocks()
  const before = stage({ blocks })
  const alice = before.peer()
  await alice.join('alice')
  await alice.ok(block('bob'))
  alice.handle.detached()
  assertEmpty(before)

  const { peer, pool } = stage({ blocks })
  const [bob, again] = [peer(), peer()]
  await bob.publish()
  await bob.join('bob')
  await again.publish()
  let blockedWhenPlaced: boolean | undefined
  const endpoint = pool.last
  const place = endpoint.place.bind(endpoint)
  endpoint.place = (...args) => {
    blockedWhenPlaced = pool.isBlocked('room', 'alice', 'bob')
    place(...args)
  }
  await again.join('alice')
  assert.equal(blockedWhenPlaced, true)
  assert.deepEqual(bob.events(), [])
})

test('a block made while the other is away holds when they come back, and not after its end', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  await alice.ok(block('bob'))
  bob.handle.detached()
  assert.equal(pool.isBlocked('room', 'alice', 'bob'), false)
  await peer().join('bob')
  assert.ok(pool.isBlocked('room', 'alice', 'bob'))
  await alice.ok(unblock('bob'))
  await peer().join('bob')
  assert.equal(pool.isBlocked('room', 'alice', 'bob'), false)
})

test('a block holds in every room that both are in', async () => {
  const { peer, pool } = stage()
  const [here, there] = [peer(), peer()]
  await here.join('alice', undefined, 'one')
  await there.join('alice', undefined, 'two')
  const bob = peer()
  await bob.join('bob', undefined, 'two')
  const outside = peer()
  await outside.join('bob', undefined, 'three')
  await here.ok(block('bob'))
  assert.deepEqual(bob.events(), [{ event: 'blocked', by: 'alice' }])
  assert.deepEqual(outside.events(), [])
  assert.deepEqual([pool.isBlocked('one', 'alice', 'bob'), pool.isBlocked('two', 'alice', 'bob')], [false, true])
})

test('who is told depends on the profile of who is told', async () => {
  const { peer } = stage()
  const alice = peer()
  await alice.publish()
  await alice.join('alice')
  const publisher = peer()
  await publisher.join('bob')
  const subscriber = peer()
  await subscriber.join('bob', { media: 'alice', notifications: true })
  const quiet = peer('profile=upstream')
  await quiet.join('bob')
  const upstream = peer('profile=upstream')
  await upstream.join('bob', { notifications: true })
  for (const each of [publisher, subscriber, quiet, upstream]) each.take()
  await alice.ok(block('bob'))
  const told = [{ event: 'blocked', by: 'alice' }]
  assert.deepEqual(
    [publisher, subscriber, quiet, upstream].map((each) => each.events()),
    [told, [], [], told],
  )
})

test('a store that fails: a clear error, nothing changed, nobody told', async () => {
  const memory = memoryBlocks()
  const failing = async () => Promise.reject(new Error('disk full'))
  const { peer, pool } = stage({ blocks: { ...memory, add: failing } })
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  assert.equal((await alice.fails(block('bob'))).code, 'storage_failed')
  assert.deepEqual(bob.events(), [])
  assert.equal(pool.isBlocked('room', 'alice', 'bob'), false)
  const unreadable = stage({ blocks: { ...memory, load: failing } })
  const body = { kind: 'join', room_id: 'room', user_id: 'alice' }
  assert.equal((await unreadable.peer().fails(body)).code, 'storage_failed')
  assert.equal(unreadable.plugin.live().users, 0)
})
