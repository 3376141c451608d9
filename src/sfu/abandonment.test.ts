import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ABANDONED_MS, Abandonment } from './abandonment.js'
import { FakeClock } from './testing/fake-clock.js'
import { assertEmpty, stage } from './testing/peer.js'

/** Alice publishes; bob is there with a connection of his own and has a subscription to her, which is up. */
async function call() {
  const here = stage()
  const [alice, bob, witness] = [here.peer(), here.peer('', 7), here.peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.publish()
  await bob.join('bob')
  await witness.join('witness', { notifications: true })
  const subscription = here.peer('', 7)
  await subscription.answer((await subscription.join('bob', { media: 'alice' })).jsep)
  here.pool.last.connects()
  witness.take()
  return { ...here, alice, bob, witness, subscription }
}

test('a subscription whose PeerConnection ended is detached when nobody used it for long; its user stays', async () => {
  const here = await call()
  const { clock, pool, alice, bob, witness, subscription } = here
  pool.last.ends('DTLS alert')
  clock.advance(ABANDONED_MS - 1)
  assert.deepEqual([subscription.hangups, subscription.detaches], [['DTLS alert'], 0])
  clock.advance(1)
  assert.equal(subscription.detaches, 1)
  assert.deepEqual(witness.events(), [])
  assert.equal(here.plugin.live().connections, 3)
  await bob.ok({ kind: 'data', body: 'still here' })
  for (const each of [alice, bob, witness]) each.handle.detached()
  assertEmpty(here)
})

test('one that gives up before it was ever connected is no other', async () => {
  const { clock, pool, subscription, peer } = await call()
  const retried = peer('', 7)
  await retried.join('bob', { media: 'alice' })
  pool.last.ends('ICE failed')
  clock.advance(ABANDONED_MS)
  assert.deepEqual([retried.detaches, subscription.detaches], [1, 0])
})

test('who uses it again in time goes on with it, for as long as it likes', async () => {
  const { clock, pool, subscription } = await call()
  pool.last.ends('DTLS alert')
  clock.advance(ABANDONED_MS - 1)
  await subscription.ok({})
  clock.advance(ABANDONED_MS - 1)
  await subscription.answer((await subscription.ok({ kind: 'subscribe', media: 'alice' })).jsep)
  clock.advance(10 * ABANDONED_MS)
  assert.equal(subscription.detaches, 0)
  subscription.handle.hangup('Janus API')
  clock.advance(ABANDONED_MS)
  assert.equal(subscription.detaches, 1)
})

test('nobody leaves a room by it: the last connection of a user stays, and goes when there is another', async () => {
  const { clock, pool, bob, peer, witness, subscription } = await call()
  bob.handle.detached()
  pool.last.ends('DTLS alert')
  clock.advance(ABANDONED_MS)
  assert.deepEqual([subscription.detaches, witness.events()], [0, []])
  await peer('', 7).join('bob')
  clock.advance(ABANDONED_MS)
  assert.deepEqual([subscription.detaches, witness.events()], [1, []])
})

test('one that waits for a user to publish stays as long as that user is there', async () => {
  const { clock, peer } = await call()
  const [carol, waiting] = [peer(), peer('', 7)]
  await carol.join('carol')
  await waiting.join('bob', { media: 'carol' })
  clock.advance(ABANDONED_MS)
  assert.equal(waiting.detaches, 0)
  carol.handle.detached()
  clock.advance(ABANDONED_MS)
  assert.equal(waiting.detaches, 1)
})

test('one whose user comes back has all its time: it was not abandoned, though nobody was there for a moment', async () => {
  const { clock, peer } = await call()
  const [carol, waiting] = [peer(), peer('', 7)]
  await carol.join('carol')
  await waiting.join('bob', { media: 'carol' })
  clock.advance(ABANDONED_MS - 1)
  carol.handle.detached()
  clock.advance(1)
  assert.equal(waiting.detaches, 0)
  const again = peer()
  await again.publish()
  await again.join('carol')
  await waiting.answer(waiting.offer())
  clock.advance(10 * ABANDONED_MS)
  assert.equal(waiting.detaches, 0)
})

test('one that was all that there was of its user stays for long after another has joined', async () => {
  const { clock, pool, bob, peer, subscription } = await call()
  pool.last.ends('DTLS alert')
  bob.handle.detached()
  clock.advance(ABANDONED_MS - 1)
  await peer('', 7).join('bob')
  clock.advance(ABANDONED_MS - 1)
  assert.equal(subscription.detaches, 0)
  // A third changes nothing: clients that try again on another handle, and again, would keep all of them.
  await peer('', 7).join('bob')
  clock.advance(1)
  assert.equal(subscription.detaches, 1)
})

test('a connection that listens, receives data or published is none of these', async () => {
  const { clock, peer, pool } = await call()
  const others = [{ notifications: true }, { data: true }, {}]
  const kept = others.map(() => peer('', 7))
  for (const [index, more] of others.entries()) {
    await kept[index]!.join('bob', { media: 'alice', ...more })
    pool.last.ends('ICE failed')
  }
  await kept[2]!.publish()
  pool.last.ends('ICE failed')
  const plain = peer('', 7)
  await plain.join('bob')
  clock.advance(2 * ABANDONED_MS)
  assert.deepEqual(
    [...kept, plain].map(({ detaches }) => detaches),
    [0, 0, 0, 0],
  )
})

test('one that throws when it is ended is logged, and the others are ended all the same', () => {
  const clock = new FakeClock()
  const silent = () => {}
  const errors: object[] = []
  const log = { debug: silent, info: silent, warn: silent, error: (fields: object) => errors.push(fields) }
  const abandonment = new Abandonment(clock, log)
  let ended = 0
  const bug = () => {
    throw new Error('a bug')
  }
  for (const expel of [bug, () => ended++]) abandonment.used({ idle: true, needed: false, expel })
  clock.advance(ABANDONED_MS)
  assert.deepEqual([ended, errors.length, clock.timers], [1, 1, 0])
})
