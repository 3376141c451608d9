import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SendStream } from '../media/control.js'
import { LATE_ANSWER_MS } from './subscriber.js'
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
    ['follow', 1],
  ])
  assert.equal(bob.handle.expectsAnswer(), true)
  const reply = await bob.send({}, { type: 'answer', sdp: answerTo(offer.sdp) })
  assert.deepEqual(reply, { data: { success: true } })
  assert.deepEqual(viewer.methods.slice(2), ['connect', 'setSendStreams'])
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
  assert.deepEqual(viewer.methods.slice(2), ['connect', 'setSendStreams'])
  assert.equal((await bob.fails({}, { type: 'answer', sdp: answerTo(offer.sdp) })).code, 'unexpected_answer')
})

test('an answer with another certificate than before is refused', async () => {
  const { bob, offer } = await subscribed()
  await bob.answer(offer)
  const { jsep } = await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.equal((await bob.fails({}, { type: 'answer', sdp: answerTo(jsep!.sdp, 'D2') })).code, 'invalid_sdp')
  await bob.answer(jsep)
})

test('a publisher that comes back on another worker: its subscribers get it on the transport that they have, without a word', async () => {
  const { pool, alice, bob, offer, viewer } = await subscribed()
  await bob.answer(offer)
  viewer.connects()
  for (const worker of [3, 1, 2]) {
    pool.nextWorker = worker
    alice.handle.hangup('Janus API')
    assert.equal(viewer.feeds, null)
    await alice.publish()
    assert.equal(pool.last.worker, worker)
    assert.deepEqual([viewer.closed, viewer.feeds, bob.take()], [false, pool.last, []])
  }
})

test('another user on another worker: a new offer of the same transport', async () => {
  const { pool, peer, bob, offer, viewer } = await subscribed()
  await bob.answer(offer)
  const carol = peer()
  pool.nextWorker = 3
  await carol.publish()
  await carol.join('carol')
  const { jsep } = await bob.ok({ kind: 'subscribe', media: 'carol' })
  for (const name of ['ice-ufrag', 'fingerprint', 'ssrc', 'candidate'])
    assert.deepEqual(lines(jsep!.sdp, name), lines(offer.sdp, name), name)
  await bob.answer(jsep)
  assert.deepEqual([viewer.closed, viewer.feeds], [false, pool.last])
  assert.deepEqual(
    viewer.methods.filter((method) => method === 'connect' || method === 'restart'),
    ['connect'],
  )
})

test('a publisher that goes on elsewhere while an offer is out is fed at once', async () => {
  const { pool, alice, bob, offer, viewer } = await subscribed()
  pool.nextWorker = 3
  alice.handle.hangup('Janus API')
  await alice.publish()
  assert.deepEqual([viewer.feeds, bob.take()], [pool.last, []])
  await bob.answer(offer)
  assert.deepEqual([viewer.closed, bob.take()], [false, []])
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

test('an answer to an offer that a newer one took the place of comes soon after the answer to that one, or never', async () => {
  const { bob, clock, offer } = await subscribed()
  const again = { kind: 'subscribe', media: 'alice' }
  const { jsep } = await bob.ok(again)
  await bob.answer(offer)
  clock.advance(LATE_ANSWER_MS - 1)
  await bob.answer(jsep)
  assert.equal(bob.handle.expectsAnswer(), false)

  await bob.ok(again)
  const { jsep: second } = await bob.ok(again)
  // However long the page was asleep: its time begins with the first answer.
  clock.advance(10 * LATE_ANSWER_MS)
  await bob.answer(second)
  assert.equal(bob.handle.expectsAnswer(), true)
  clock.advance(LATE_ANSWER_MS)
  assert.equal(bob.handle.expectsAnswer(), false)
  const stray = { type: 'answer', sdp: answerTo(second!.sdp) } as const
  assert.equal((await bob.fails({}, stray)).code, 'unexpected_answer')

  const { jsep: third } = await bob.ok(again)
  await bob.answer(third)
  assert.equal(bob.handle.expectsAnswer(), false)
})
