import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SendStream } from '../media/control.js'
import { answerTo, assertEmpty, lines, offers, stage } from './testing/peer.js'

async function subscribed(worker = 2) {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  here.pool.nextWorker = worker
  await alice.publish()
  await alice.join('alice')
  const { jsep } = await bob.join('bob', { media: 'alice' })
  return { ...here, alice, bob, offer: jsep!, viewer: here.pool.last }
}

test('the endpoint lives with the publisher, is placed and fed at once, and starts with the answer', async () => {
  const { bob, offer, viewer } = await subscribed()
  assert.equal(viewer.worker, 2)
  assert.deepEqual(viewer.calls, [
    ['place', { room: 'room', user: 'bob', session: 1002, relaysData: false, receivesData: false }],
    ['source', 1],
  ])
  assert.equal(bob.handle.expectsAnswer(), true)
  const reply = await bob.send({}, { type: 'answer', sdp: answerTo(offer.sdp) })
  assert.deepEqual(reply, { data: { success: true } })
  assert.deepEqual(viewer.methods.slice(2), ['connect', 'send'])
  const streams = viewer.calls[3]![1] as unknown as SendStream[]
  assert.deepEqual(
    streams.map(({ kind, active }) => [kind, active]),
    [
      ['audio', true],
      ['video', true],
    ],
  )
  assert.equal(bob.handle.expectsAnswer(), false)
  viewer.connects()
  assert.equal(bob.webrtcups, 1)
})

test('an answer that cannot be read leaves the offer open for a better one', async () => {
  const { bob, offer, viewer } = await subscribed()
  assert.equal((await bob.fails({}, { type: 'answer', sdp: 'v=0' })).code, 'invalid_sdp')
  const undecided = answerTo(offer.sdp).replaceAll('a=setup:active', 'a=setup:actpass')
  assert.equal((await bob.fails({}, { type: 'answer', sdp: undecided })).code, 'invalid_sdp')
  assert.equal(bob.handle.expectsAnswer(), true)
  await bob.answer(offer)
  assert.deepEqual(viewer.methods.slice(2), ['connect', 'send'])
  assert.equal((await bob.fails({}, { type: 'answer', sdp: answerTo(offer.sdp) })).code, 'unexpected_answer')
})

test('an answer with another certificate than before is refused', async () => {
  const { bob, offer } = await subscribed()
  await bob.answer(offer)
  const { jsep } = await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.equal((await bob.fails({}, { type: 'answer', sdp: answerTo(jsep!.sdp, 'D2') })).code, 'invalid_sdp')
  await bob.answer(jsep)
})

test('a publisher that comes back on another worker: one new offer with a new transport, no second webrtcup', async () => {
  const { pool, alice, bob, offer, viewer } = await subscribed()
  await bob.answer(offer)
  viewer.connects()
  pool.nextWorker = 3
  alice.handle.hangup('Janus API')
  await alice.publish()
  const moved = pool.last
  assert.ok(viewer.closed)
  assert.deepEqual([moved.worker, moved.feeds, moved.placed?.user], [3, pool.endpoints[2], 'bob'])
  const second = bob.offer()
  assert.equal(lines(second.sdp, 'ice-ufrag')[0], moved.ice.ufrag)
  assert.notEqual(lines(second.sdp, 'fingerprint')[0], lines(offer.sdp, 'fingerprint')[0])
  const ssrcs = (sdp: string) => new Set(lines(sdp, 'ssrc').map((line) => line!.split(' ')[0]))
  assert.equal(ssrcs(second.sdp).size, ssrcs(offer.sdp).size)
  assert.equal(new Set([...ssrcs(second.sdp), ...ssrcs(offer.sdp)]).size, 2 * ssrcs(offer.sdp).size, 'SSRCs are new')
  assert.deepEqual(lines(second.sdp, 'msid'), lines(offer.sdp, 'msid'), 'tracks are not')
  await bob.answer(second)
  assert.deepEqual(moved.methods, ['place', 'source', 'connect', 'send'])
  moved.connects()
  assert.equal(bob.webrtcups, 1)
  assert.deepEqual(bob.hangups, [])
})

test('a publisher that comes back: who got it from afar goes on so, without a word', async () => {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  Object.assign(here.pool, { nextWorker: 2, subscriberWorker: 1 })
  await alice.publish()
  await alice.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  const viewer = here.pool.last
  for (const worker of [2, 3]) {
    here.pool.nextWorker = worker
    alice.handle.hangup('Janus API')
    assert.equal(viewer.feeds, null)
    await alice.publish()
    assert.deepEqual([viewer.closed, viewer.feeds, bob.take()], [false, here.pool.last, []])
  }
})

test('another user is not got from afar because the one before was', async () => {
  const here = stage()
  const [alice, bob, carol] = [here.peer(), here.peer(), here.peer()]
  Object.assign(here.pool, { nextWorker: 2, subscriberWorker: 1 })
  for (const [user, peer] of Object.entries({ alice, carol })) {
    await peer.publish()
    await peer.join(user)
  }
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  const viewer = here.pool.last
  here.pool.subscriberWorker = undefined
  await bob.ok({ kind: 'subscribe', media: 'carol' })
  assert.deepEqual([viewer.closed, here.pool.last.worker], [true, 2])
})

test('a move while an offer is out waits for the answer to it', async () => {
  const { pool, alice, bob, offer, viewer } = await subscribed()
  pool.nextWorker = 3
  alice.handle.hangup('Janus API')
  await alice.publish()
  assert.deepEqual([viewer.closed, viewer.feeds, bob.take()], [false, null, []])
  await bob.answer(offer)
  assert.ok(viewer.closed)
  await bob.answer(bob.offer())
  assert.equal(pool.last.feeds, pool.endpoints[2])
})

test('when its own endpoint ends, the subscription ends with a hangup', async () => {
  const here = await subscribed()
  const { pool, alice, bob, viewer } = here
  viewer.ends('Internal error')
  assert.deepEqual(bob.hangups, ['Internal error'])
  await alice.publish()
  assert.deepEqual(bob.take(), [])
  assert.equal(pool.live.length, 1)
  alice.handle.detached()
  bob.handle.detached()
  assertEmpty(here)
})

test('a user who leaves and comes back feeds the subscribers again', async () => {
  const { pool, peer, alice, bob, offer, viewer } = await subscribed()
  await bob.answer(offer)
  alice.handle.detached()
  assert.equal(viewer.feeds, null)
  const again = peer()
  await again.publish(offers.data)
  await again.join('alice')
  assert.equal(viewer.feeds, pool.last)
  assert.deepEqual(bob.take(), [])
})

test('an answer and a swap in one message: the answer is applied, and the reply has the new offer', async () => {
  const { peer, bob, offer, viewer, pool } = await subscribed()
  const carol = peer()
  await carol.publish()
  await carol.join('carol')
  const reply = await bob.ok({ kind: 'subscribe', media: 'carol' }, { type: 'answer', sdp: answerTo(offer.sdp) })
  assert.deepEqual(viewer.methods.filter((method) => method === 'connect').length, 1)
  assert.equal(viewer.feeds, pool.last)
  assert.equal(bob.handle.negotiation(), 'pending')
  await bob.answer(reply.jsep)
  assert.equal(bob.handle.expectsAnswer(), false)
  assert.deepEqual(bob.take(), [])
})

test('answers at any moment, offers at any moment: what comes when nothing is out is refused', async () => {
  const { peer } = stage()
  const alice = peer()
  assert.equal(alice.handle.expectsAnswer(), false)
  assert.equal((await alice.fails({}, { type: 'answer', sdp: answerTo(offers.media) })).code, 'unexpected_answer')
  await alice.publish()
  assert.equal((await alice.fails({}, { type: 'answer', sdp: answerTo(offers.media) })).code, 'unexpected_answer')
})
