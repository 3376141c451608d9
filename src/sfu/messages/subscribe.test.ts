import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertEmpty, lines, mlines, offers, stage } from '../testing/peer.js'

test('absent and null leave things as they are, false switches off', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await bob.join('bob')
  await alice.join('alice', { data: true, notifications: true })
  await alice.ok({ kind: 'subscribe' })
  await alice.ok({ kind: 'subscribe', data: null, notifications: null, media: null, what: null })
  await bob.ok({ kind: 'data', body: 'one' })
  await peer().join('carol')
  assert.deepEqual(
    alice.events().map(({ event }) => event),
    ['data', 'join'],
  )
  await alice.ok({ kind: 'subscribe', data: false })
  await bob.ok({ kind: 'data', body: 'two' })
  await alice.ok({ kind: 'subscribe', notifications: false })
  await peer().join('dave')
  assert.deepEqual(alice.events(), [])
})

test('the form with `what` means the same', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  assert.deepEqual(await alice.send({ kind: 'subscribe', what: { data: true } }), {
    data: { success: true, response: {} },
  })
  await bob.ok({ kind: 'data', body: 'x' })
  assert.equal(alice.events().length, 1)
})

test('data asked for before the join counts from the join on', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.ok({ kind: 'subscribe', data: true })
  await bob.join('bob')
  await bob.ok({ kind: 'data', body: 'unheard' })
  assert.deepEqual(alice.events(), [])
  await alice.join('alice')
  await bob.ok({ kind: 'data', body: 'heard' })
  assert.deepEqual(alice.events(), [{ event: 'data', body: 'heard', from: 'bob' }])
})

test('H-45: media of somebody outside your room is refused, before the join too', async () => {
  const here = stage()
  const alice = here.peer()
  await alice.publish()
  await alice.join('alice')
  const bob = here.peer()
  const want = { kind: 'subscribe', media: 'alice' }
  const refused = { code: 'nonexistent_publisher', msg: "Can't subscribe to a nonexistent publisher." }
  assert.deepEqual(await bob.fails(want), refused)
  await bob.join('bob', undefined, 'other')
  assert.deepEqual(await bob.fails(want), refused)
  assert.equal(here.pool.live.length, 1)
})

test('a subscription that fails changes none of its parts', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await alice.fails({ kind: 'subscribe', data: true, notifications: true, media: 'nobody' })
  await bob.join('bob')
  await bob.ok({ kind: 'data', body: 'x' })
  assert.deepEqual(alice.events(), [])
})

test('media of a user who has not offered yet: success now, the offer when there is one', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  assert.deepEqual(await bob.send({ kind: 'subscribe', media: 'alice' }), { data: { success: true, response: {} } })
  assert.equal(bob.handle.negotiation(), 'none')
  await alice.publish()
  const offer = bob.offer()
  assert.equal(bob.handle.negotiation(), 'pending')
  assert.deepEqual(mlines(offer.sdp), ['audio', 'video', 'application'])
  await bob.answer(offer)
  assert.equal(bob.handle.negotiation(), 'stable')
})

test('a publisher that offered before it joined is offered on when it joins', async () => {
  const { peer } = stage()
  const [first, second, bob] = [peer(), peer(), peer()]
  await first.join('alice')
  await bob.join('bob', { media: 'alice' })
  await second.publish()
  assert.deepEqual(bob.take(), [])
  await second.join('alice')
  assert.ok(bob.offer())
})

test('no worker has room when the user publishes: who waited is told, and may ask again', async () => {
  const here = stage()
  const [alice, early, bob] = [here.peer(), here.peer(), here.peer()]
  await alice.publish()
  await early.join('alice')
  await bob.join('bob', { media: 'alice' })
  here.pool.running = false
  await alice.join('alice')
  assert.deepEqual([bob.take(), bob.hangups], [[], ['No media worker']])
  assert.equal(here.plugin.live().peer_connections, 1, 'the place is free')
  assert.equal((await bob.fails({ kind: 'subscribe', media: 'alice' })).code, 'no_media_worker')
  here.pool.running = true
  await bob.answer((await bob.ok({ kind: 'subscribe', media: 'alice' })).jsep)
})

test('another user on the same connection: new source, new offer, same m-lines', async () => {
  const here = stage()
  const [alice, carol, bob] = [here.peer(), here.peer(), here.peer()]
  for (const [peer, user] of [
    [alice, 'alice'],
    [carol, 'carol'],
  ] as const) {
    await peer.publish()
    await peer.join(user)
  }
  const first = await bob.join('bob', { media: 'alice' })
  await bob.answer(first.jsep)
  const endpoint = here.pool.last
  assert.equal(endpoint.feeds, here.pool.endpoints[0])
  const second = await bob.ok({ kind: 'subscribe', media: 'carol' })
  assert.equal(second.jsep?.type, 'offer')
  assert.equal(endpoint.feeds, here.pool.endpoints[1])
  assert.deepEqual(mlines(second.jsep!.sdp), mlines(first.jsep!.sdp))
  assert.deepEqual(lines(second.jsep!.sdp, 'ice-ufrag'), lines(first.jsep!.sdp, 'ice-ufrag'))
  assert.deepEqual(lines(second.jsep!.sdp, 'ssrc'), lines(first.jsep!.sdp, 'ssrc'))
  assert.match(first.jsep!.sdp, /^o=\S+ \d+ 1 /m)
  assert.match(second.jsep!.sdp, /^o=\S+ \d+ 2 /m)
  await bob.answer(second.jsep)
  assert.equal(endpoint.methods.filter((method) => method === 'connect').length, 1)
})

test('asking while an offer is out: a new one takes its place, and answers to those before may still come', async () => {
  const here = stage()
  const bob = here.peer()
  for (const user of ['alice', 'carol', 'dave']) {
    const peer = here.peer()
    await peer.publish()
    await peer.join(user)
  }
  const first = (await bob.join('bob', { media: 'alice' })).jsep
  const second = (await bob.ok({ kind: 'subscribe', media: 'carol' })).jsep
  const third = (await bob.ok({ kind: 'subscribe', media: 'dave' })).jsep
  const viewer = here.pool.last
  assert.equal(viewer.feeds, here.pool.endpoints[2])
  assert.match(third!.sdp, /^o=\S+ \d+ 3 /m)
  // All of them arrived: the client answers each, one after the other.
  for (const offer of [first, second, third]) {
    assert.equal(bob.handle.expectsAnswer(), true)
    await bob.answer(offer)
  }
  assert.equal(bob.handle.negotiation(), 'stable')
  assert.equal(bob.handle.expectsAnswer(), false)
  assert.deepEqual(bob.take(), [])
  assert.equal(viewer.methods.filter((method) => method === 'connect').length, 1)
})

test('an offer that was lost with its transport blocks nothing: whoever asks again gets another one', async () => {
  const { peer } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob', { media: 'alice' })
  await alice.publish(offers.data)
  bob.offer()
  await alice.publish(offers.media)
  assert.deepEqual(bob.take(), [], 'what changes waits for the answer')
  const { jsep } = await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.deepEqual(lines(jsep!.sdp, 'msid'), lines(offers.media, 'msid'))
  await bob.answer(jsep)
  assert.equal(bob.handle.negotiation(), 'stable')
  assert.deepEqual(bob.take(), [])
  await alice.publish(offers.media.replace('a=msid:469c3e62', 'a=msid:00000000'))
  assert.ok(bob.offer(), 'and what changes later is offered')
})

test('asking for the same user again restarts ICE: how a client gets over a change of network', async () => {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  await alice.publish()
  await alice.join('alice')
  const first = await bob.join('bob', { media: 'alice' })
  await bob.answer(first.jsep)
  const second = await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.notDeepEqual(lines(second.jsep!.sdp, 'ice-ufrag'), lines(first.jsep!.sdp, 'ice-ufrag'))
  assert.equal(here.pool.live.length, 2)
})

test('media:false stops the source; the m-lines stay and nothing is offered', async () => {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  assert.deepEqual(await bob.send({ kind: 'subscribe', media: false }), { data: { success: true, response: {} } })
  assert.equal(here.pool.last.feeds, null)
  await alice.publish()
  assert.deepEqual([here.pool.last.feeds, bob.take()], [null, []])
  const again = await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.ok(again.jsep)
  assert.equal(here.pool.last.feeds, here.pool.endpoints[0])
})

test('a publishing connection cannot subscribe to media, a subscribing one cannot offer', async () => {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.join('bob')
  assert.equal((await alice.fails({ kind: 'subscribe', media: 'bob' })).code, 'media_on_publisher')
  await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.equal((await bob.fails({}, { type: 'offer', sdp: offers.media })).code, 'offer_on_subscriber')
  alice.handle.detached()
  bob.handle.detached()
  assertEmpty(here)
})

test('hanging up ends the subscription, and another user may be asked for afterwards', async () => {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  bob.handle.hangup('Janus API')
  bob.handle.hangup('Janus API')
  assert.deepEqual(bob.hangups, ['Janus API'])
  assert.equal(bob.handle.negotiation(), 'none')
  await alice.publish()
  assert.deepEqual(bob.take(), [])
  assert.ok((await bob.ok({ kind: 'subscribe', media: 'alice' })).jsep)
  bob.handle.hangup('Admin API')
  await bob.publish()
  assert.equal(bob.handle.negotiation(), 'stable')
})
