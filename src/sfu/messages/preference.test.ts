import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeEndpoint } from '../testing/fake-pool.js'
import { stage } from '../testing/peer.js'

async function watching() {
  const here = stage()
  const [alice, bob] = [here.peer(), here.peer()]
  await alice.publish()
  await alice.join('alice')
  await bob.answer((await bob.join('bob', { media: 'alice' })).jsep)
  return { ...here, alice, bob, viewer: here.pool.last }
}

/** What the worker was told last. */
const told = ({ calls }: FakeEndpoint) => calls.findLast(([method]) => method === 'prefer')?.[1]

test('a preference reaches the worker at once, without an offer, and the next one takes its place', async () => {
  const { bob, viewer } = await watching()
  const reply = await bob.send({
    kind: 'subscribe',
    prefer: {
      video: { max_width: 640, max_height: 360, max_spatial: 1, max_temporal: 0 },
      audio: { paused: true },
      tracks: [{ mid: '3', paused: false, max_height: 1080 }],
    },
  })
  assert.deepEqual(reply, { data: { success: true, response: {} } })
  assert.deepEqual(told(viewer), {
    audio: { paused: true },
    video: { maxWidth: 640, maxHeight: 360, maxSpatial: 1, maxTemporal: 0 },
    mids: [{ mid: '3', preference: { maxHeight: 1080 } }],
  })
  await bob.ok({ kind: 'subscribe', prefer: { video: { max_height: 180, max_width: null } } })
  assert.deepEqual(told(viewer), { video: { maxHeight: 180 }, mids: [] })
  await bob.ok({ kind: 'subscribe', prefer: {} })
  assert.deepEqual(told(viewer), { mids: [] })
  assert.deepEqual(bob.take(), [])
})

test('absent and null leave it as it is', async () => {
  const { bob, viewer } = await watching()
  await bob.ok({ kind: 'subscribe', data: true })
  await bob.ok({ kind: 'subscribe', prefer: null })
  assert.equal(told(viewer), undefined)
})

test('said in a join, or before there is any media, it holds when media comes', async () => {
  const { peer, pool } = await watching()
  const carol = peer()
  await carol.ok({ kind: 'subscribe', prefer: { video: { paused: true } } })
  await carol.join('carol', { media: 'alice', prefer: { video: { max_spatial: 0 } } })
  assert.deepEqual(told(pool.last), { video: { maxSpatial: 0 }, mids: [] })
  assert.ok(pool.last.methods.indexOf('prefer') < pool.last.methods.indexOf('follow'))
})

test('it stays when the user goes on on another worker, and holds for the next PeerConnection', async () => {
  const { bob, alice, pool, viewer } = await watching()
  await bob.ok({ kind: 'subscribe', prefer: { video: { max_height: 180 } } })
  pool.nextWorker = 3
  alice.handle.hangup('Janus API')
  await alice.publish()
  assert.equal(viewer.feeds, pool.last)
  assert.deepEqual(told(viewer), { video: { maxHeight: 180 }, mids: [] })
  bob.handle.hangup('Janus API')
  await bob.ok({ kind: 'subscribe', media: 'alice' })
  assert.ok(viewer.closed)
  assert.deepEqual(told(pool.last), { video: { maxHeight: 180 }, mids: [] })
})

for (const [prefer, problem] of [
  ['small', /^Field "prefer": expected an object\.$/],
  [{ video: 360 }, /^Field "prefer.video": expected an object\.$/],
  [
    { video: { max_width: 0 } },
    /^Field "prefer.video.max_width": expected a whole number of pixels from 1 to 16384\.$/,
  ],
  [{ video: { max_height: 1.5 } }, /^Field "prefer.video.max_height": expected a whole number of pixels/],
  [{ video: { max_height: 20_000 } }, /^Field "prefer.video.max_height": expected a whole number of pixels/],
  [{ audio: { max_spatial: -1 } }, /^Field "prefer.audio.max_spatial": expected a layer from 0 to 15\.$/],
  [{ video: { max_temporal: '1' } }, /^Field "prefer.video.max_temporal": expected a layer/],
  [{ video: { paused: 1 } }, /^Field "prefer.video.paused": expected true or false\.$/],
  [{ tracks: {} }, /^Field "prefer.tracks": expected an array\.$/],
  [{ tracks: [{ paused: true }] }, /^Field "prefer.tracks.0.mid": expected the mid of an m-line\.$/],
  [{ tracks: [{ mid: 'x'.repeat(17) }] }, /^Field "prefer.tracks.0.mid": expected the mid/],
  [
    { tracks: Array.from({ length: 65 }, () => ({ mid: '1' })) },
    /^Field "prefer.tracks": expected 64 tracks at most\.$/,
  ],
] as const) {
  test(`prefer: ${JSON.stringify(prefer).slice(0, 50)} is refused and changes nothing`, async () => {
    const { bob, viewer } = await watching()
    const { code, msg } = await bob.fails({ kind: 'subscribe', data: true, prefer })
    assert.equal(code, 'invalid_message')
    assert.match(msg, problem)
    assert.equal(told(viewer), undefined)
  })
}
