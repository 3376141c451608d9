import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertEmpty,
  fromAnotherPeerConnection,
  lines,
  mlines,
  offers,
  restarted,
  stage,
  withDataLast,
  withoutData,
  withSessionId,
} from './testing/peer.js'

test('the first offer is answered with the credentials of a fresh endpoint, before any join', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  const reply = await alice.send({}, { type: 'offer', sdp: offers.media })
  assert.deepEqual(reply.data, { success: true })
  const sdp = reply.jsep!.sdp
  assert.deepEqual(mlines(sdp), ['application', 'audio', 'video'])
  assert.deepEqual(new Set(lines(sdp, 'ice-ufrag')), new Set([pool.last.ice.ufrag]))
  assert.deepEqual(new Set(lines(sdp, 'fingerprint')), new Set([`sha-256 ${pool.last.fingerprint.value}`]))
  assert.deepEqual(pool.opened, [{}])
  assert.deepEqual(pool.last.methods, ['connect', 'setReceiveStreams'])
  const [, remote, dtls] = pool.last.calls[0]!
  assert.deepEqual(remote, { ufrag: 'bdBg', pwd: 'dXBpDeiSGdhaqkjTe6P/+pWA' })
  assert.equal((dtls as { role: string }).role, 'client')
  assert.equal(alice.handle.negotiation(), 'stable')
})

test('webrtcup and media are passed on, webrtcup once', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish()
  pool.last.connects()
  await alice.publish(restarted(offers.media))
  pool.last.connects()
  pool.last.observer.media('1', 'audio', true)
  assert.equal(alice.webrtcups, 1)
  assert.deepEqual(alice.media, [['1', 'audio', true]])
})

test('a renegotiation keeps endpoint and credentials; subscribers are told whose tracks are on their m-lines', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  const first = await alice.publish(offers.data)
  await alice.join('alice')
  const before = (await bob.join('bob', { media: 'alice' })).jsep!
  await bob.answer(before)
  const second = await alice.publish(offers.media)
  assert.deepEqual(new Set(lines(second.jsep!.sdp, 'ice-ufrag')), new Set(lines(first.jsep!.sdp, 'ice-ufrag')))
  assert.deepEqual(pool.endpoints[0]!.methods, ['connect', 'setReceiveStreams', 'place', 'setReceiveStreams'])
  assert.deepEqual(
    (pool.endpoints[0]!.calls.at(-1)![1] as { kind: string }[]).map(({ kind }) => kind),
    ['audio', 'video'],
  )
  const after = bob.offer()
  assert.deepEqual([mlines(after.sdp), lines(after.sdp, 'ssrc')], [mlines(before.sdp), lines(before.sdp, 'ssrc')])
  assert.deepEqual(lines(after.sdp, 'msid'), lines(offers.media, 'msid'))
  assert.equal(pool.live.length, 2)
})

test('new ICE credentials in an offer restart ICE', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  const first = await alice.publish()
  const second = await alice.publish(restarted(offers.media))
  assert.deepEqual(pool.last.methods, ['connect', 'setReceiveStreams', 'restart', 'connect', 'setReceiveStreams'])
  assert.notDeepEqual(lines(second.jsep!.sdp, 'ice-ufrag'), lines(first.jsep!.sdp, 'ice-ufrag'))
  assert.equal((pool.last.calls[3]![1] as { ufrag: string }).ufrag, 'neWu')
  assert.equal(pool.live.length, 1)
})

test('the DTLS role of the association stays when a later offer says actpass', async () => {
  const { peer } = stage()
  const alice = peer()
  const first = await alice.publish(offers.media.replaceAll('a=setup:actpass', 'a=setup:active'))
  assert.equal(lines(first.jsep!.sdp, 'setup')[0], 'passive')
  const second = await alice.publish(offers.media)
  assert.equal(lines(second.jsep!.sdp, 'setup')[0], 'passive')
})

test('an offer of another PeerConnection takes the place of the one before; subscribers follow', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.publish()
  await alice.join('alice', { data: true })
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  const viewer = pool.last
  await alice.publish(fromAnotherPeerConnection(offers.media))
  const [old, , fresh] = pool.endpoints
  assert.ok(old!.closed)
  assert.equal(fresh!.worker, old!.worker)
  assert.equal(viewer.feeds, fresh)
  assert.deepEqual(fresh!.placed, {
    ...{ room: 'room', user: 'alice', session: 1001 },
    ...{ relaysData: true, receivesData: true },
  })
  assert.deepEqual([alice.hangups, bob.take()], [[], []])
  fresh!.connects()
  assert.equal(alice.webrtcups, 1)
})

test('a new PeerConnection with the certificate of the one before is known by its o= line', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish()
  pool.last.connects()
  const { jsep } = await alice.publish(withSessionId(restarted(offers.data), '42'))
  assert.deepEqual(mlines(jsep!.sdp), ['application'], 'it owes nothing to the m-lines of the other')
  const [old, fresh] = pool.endpoints
  assert.ok(old!.closed)
  assert.deepEqual(fresh!.methods, ['connect', 'setReceiveStreams'])
  fresh!.connects()
  assert.equal(alice.webrtcups, 2)
  await alice.publish(withSessionId(restarted(offers.media), '42'))
  assert.equal(pool.endpoints.length, 2)
})

test('a client that changes its session id with every offer goes on while its ICE credentials stay', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish(offers.data)
  await alice.publish(withSessionId(offers.media, '42'))
  assert.deepEqual(pool.last.methods, ['connect', 'setReceiveStreams', 'setReceiveStreams'])
  assert.equal(pool.endpoints.length, 1)
})

test('data:true later on lets the publisher receive data', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish()
  await alice.join('alice')
  assert.equal(pool.last.placed!.receivesData, false)
  await alice.ok({ kind: 'subscribe', data: true })
  assert.deepEqual(pool.last.placed, {
    ...{ room: 'room', user: 'alice', session: 1001 },
    ...{ relaysData: true, receivesData: true },
  })
})

test('without a data m-line nothing is sent on data channels, and a later offer may add one or take it back', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish(withoutData)
  await alice.join('alice', { data: true })
  const received = () => pool.last.placed!.receivesData
  assert.equal(received(), false, 'nobody speaks SCTP there')
  const { jsep } = await alice.publish(withDataLast)
  assert.deepEqual(mlines(jsep!.sdp), ['audio', 'video', 'application'])
  assert.equal(received(), true)
  await alice.publish(withDataLast.replace(/^m=application \d+/m, 'm=application 0').replace('1 2 0', '1 2'))
  assert.equal(received(), false)
  assert.equal(pool.endpoints.length, 1)

  const joinedFirst = peer()
  await joinedFirst.join('bob', { data: true })
  await joinedFirst.publish(withoutData)
  assert.equal(received(), false)
  await joinedFirst.publish(withDataLast)
  assert.equal(received(), true)
})

test('an offer that cannot be used is a plugin error and leaves everything as it was', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  for (const sdp of ['', 'v=0', offers.media.replaceAll(/a=fingerprint.*\r?\n/g, '')]) {
    const { code, msg } = await alice.fails({}, { type: 'offer', sdp })
    assert.equal(code, 'invalid_sdp')
    assert.match(msg, /^[A-Z].*\.$/)
  }
  assert.equal(pool.endpoints.length, 0)
  assert.equal(alice.handle.negotiation(), 'none')
  await alice.publish()
  await alice.fails({}, { type: 'offer', sdp: 'v=0' })
  assert.deepEqual(pool.last.methods, ['connect', 'setReceiveStreams'])
  assert.equal((await alice.fails({ kind: 'nonsense' }, { type: 'offer', sdp: offers.media })).code, 'unknown_kind')
  await alice.publish()
})

test('without a worker there is no answer, and a later offer works', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  pool.running = false
  assert.equal((await alice.fails({}, { type: 'offer', sdp: offers.media })).code, 'no_media_worker')
  pool.running = true
  await alice.publish()
})

test('an offer waits for a worker that is being started again, and for nothing after a detach', async () => {
  const { peer, pool } = stage()
  const [alice, gone] = [peer(), peer()]
  let restarted = () => {}
  pool.restarting = new Promise((resolve) => {
    restarted = resolve
  })
  pool.running = false
  const replies = [alice, gone].map((who) => who.send({}, { type: 'offer', sdp: offers.media }))
  // Who needs no endpoint does not wait.
  await peer().join('bob')
  gone.handle.detached()
  assert.equal(pool.endpoints.length, 0)
  pool.running = true
  restarted()
  const [answer, closed] = await Promise.all(replies)
  assert.equal(answer!.jsep?.type, 'answer')
  assert.equal((closed!.data.error as { code: string }).code, 'connection_closed')
  assert.equal(pool.endpoints.length, 1)
})

test('an end by itself is a hangup with its reason; handle and membership stay', async () => {
  const here = stage()
  const alice = here.peer()
  await alice.publish()
  await alice.join('alice')
  here.pool.last.ends('DTLS alert')
  assert.deepEqual(alice.hangups, ['DTLS alert'])
  assert.equal(alice.handle.negotiation(), 'none')
  alice.handle.hangup('Janus API')
  assert.deepEqual(alice.hangups, ['DTLS alert'])
  assert.equal(here.plugin.live().users, 1)
  await alice.publish()
  alice.handle.hangup('Janus API')
  assert.deepEqual(alice.hangups, ['DTLS alert', 'Janus API'])
  alice.handle.detached()
  assertEmpty(here)
})

test('hangup and re-offer: subscribers wait on the same endpoint, without an offer', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  const viewer = pool.last
  alice.handle.hangup('Janus API')
  assert.equal(viewer.feeds, null)
  await alice.publish()
  assert.equal(viewer.feeds, pool.last)
  assert.deepEqual([bob.take(), bob.hangups], [[], []])
})

test('the newest publishing connection of a user is the source; when it goes, the one before', async () => {
  const { peer, pool } = stage()
  const [old, recent, bob] = [peer(), peer(), peer()]
  await old.publish()
  await old.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  const viewer = pool.last
  await recent.publish()
  assert.equal(viewer.feeds, pool.endpoints[0])
  await recent.join('alice')
  assert.equal(viewer.feeds, pool.endpoints[2])
  recent.handle.detached()
  assert.equal(viewer.feeds, pool.endpoints[0])
  old.handle.detached()
  assert.equal(viewer.feeds, null)
})

test('an endpoint that ends while its offer waits for something else is reported after the answer', async () => {
  const { peer, pool } = stage()
  const [alice, bob] = [peer(), peer()]
  await alice.join('alice')
  await bob.join('bob')
  pool.holdBlocks = true
  const reply = alice.send({ kind: 'block', whom: 'bob' }, { type: 'offer', sdp: offers.media })
  assert.equal(alice.handle.negotiation(), 'pending')
  await new Promise(setImmediate)
  pool.last.observer.closed('Internal error')
  assert.deepEqual(alice.hangups, [])
  pool.release()
  assert.equal((await reply).jsep?.type, 'answer')
  await new Promise(setImmediate)
  assert.deepEqual(alice.hangups, ['Internal error'])
  assert.equal(alice.handle.negotiation(), 'none')
})

test('the place of an m-line that was declined goes to another track, as browsers reuse it', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  const unknown = offers.media.replace(/^(m=audio 9 UDP\/TLS\/RTP\/SAVPF) .*$/m, '$1 0')
  const { jsep } = await alice.publish(unknown)
  assert.match(jsep!.sdp, /^m=audio 0 /m)
  const reused = offers.media.replace('a=mid:1\r\n', 'a=mid:3\r\n').replace('BUNDLE 0 1 2', 'BUNDLE 0 3 2')
  const answer = (await alice.publish(reused)).jsep!.sdp
  assert.deepEqual(lines(answer, 'mid'), ['0', '3', '2'])
  const streams = pool.last.calls.at(-1)![1] as { mid: string }[]
  assert.deepEqual(
    streams.map(({ mid }) => mid),
    ['3', '2'],
  )
  assert.equal((await alice.fails({}, { type: 'offer', sdp: unknown })).code, 'invalid_sdp', 'it is in use now')
})

test('a further offer that drops m-lines is refused, and the connection goes on as it was', async () => {
  const { peer, pool } = stage()
  const alice = peer()
  await alice.publish()
  const before = pool.last.calls.length
  assert.equal((await alice.fails({}, { type: 'offer', sdp: offers.data })).code, 'invalid_sdp')
  assert.equal(pool.last.calls.length, before)
  await alice.publish()
})
