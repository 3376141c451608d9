import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ghosts, REVIVAL_MS, SILENCE_MS } from './ghosts.js'
import { FakeClock } from './testing/fake-clock.js'
import { fromAnotherPeerConnection, offers, restarted, stage } from './testing/peer.js'

async function connected(sessionId = 7) {
  const here = stage()
  const alice = here.peer('', sessionId)
  await alice.publish()
  await alice.join('alice')
  const endpoint = here.pool.last
  endpoint.connects()
  return { ...here, alice, endpoint }
}

test('silent on all ways for 15 s: the session ends 3 s later, before its peer connection does, and the user leaves', async () => {
  const { clock, pool, peer, alice, endpoint } = await connected()
  const witness = peer()
  await witness.join('witness', { notifications: true })
  clock.advance(15_000)
  endpoint.silence(true)
  clock.advance(REVIVAL_MS - 1)
  assert.deepEqual([alice.expired, witness.events()], [0, []])
  clock.advance(1)
  assert.deepEqual([alice.hangups, alice.expired, pool.live.length], [[], 1, 0])
  assert.deepEqual(witness.events(), [{ event: 'leave', user_id: 'alice', room_id: 'room' }])
})

test('a client that sent no request for long has time for an ICE restart when its peer connection falls silent', async () => {
  for (const idleMs of [15_000, 29_000]) {
    const { clock, pool, alice, endpoint } = await connected()
    clock.advance(idleMs)
    endpoint.silence(true)
    clock.advance(2_000)
    alice.lastActivityMs = clock.nowMs()
    await alice.publish(restarted(offers.media))
    clock.advance(2_000)
    endpoint.silence(false)
    clock.advance(60_000)
    assert.deepEqual([alice.expired, alice.hangups, pool.live], [0, [], [endpoint]])
  }
})

test('a request after the peer connection fell silent does not save a client of which nothing more is heard', async () => {
  const { clock, plugin, alice, endpoint } = await connected()
  const startMs = clock.nowMs()
  const at = (ms: number, act: () => void) => {
    clock.advance(startMs + ms - clock.nowMs())
    act()
  }
  const request = () => (alice.lastActivityMs = clock.nowMs())
  at(14_000, request)
  at(15_000, () => endpoint.silence(true))
  at(17_000, request)
  at(20_000, () => endpoint.ends('ICE failed'))
  assert.deepEqual([plugin.live().watched_sessions, clock.timers], [1, 1])
  at(31_999, () => assert.equal(alice.expired, 0))
  at(32_000, () => assert.equal(alice.expired, 1))
  assert.deepEqual([plugin.live().watched_sessions, clock.timers], [0, 0])
})

test('a handle that fell silent and was kicked: its session ends all the same', async () => {
  const { clock, plugin, peer, alice, endpoint } = await connected()
  const watching = peer('', 7)
  await watching.join('alice', { media: 'alice' })
  clock.advance(15_000)
  endpoint.silence(true)
  alice.handle.detached()
  clock.advance(REVIVAL_MS)
  assert.deepEqual([watching.expired, plugin.live().watched_sessions], [1, 0])
})

test('the end of one peer connection does not shorten the time that another has for an ICE restart', async () => {
  const { clock, pool, peer, alice, endpoint } = await connected()
  const watching = peer('', 7)
  await watching.answer((await watching.join('alice', { media: 'alice' })).jsep)
  pool.last.connects()
  clock.advance(15_000)
  pool.last.silence(true)
  clock.advance(4_000)
  endpoint.silence(true)
  clock.advance(1_000)
  pool.last.ends('ICE failed')
  assert.deepEqual([alice.expired, watching.expired], [0, 0])
  clock.advance(2_000)
  assert.deepEqual([alice.expired, watching.expired], [1, 0])
})

test('a peer connection that is heard of again, or restarts ICE, goes on as if nothing had been', async () => {
  const { clock, pool, peer, alice, endpoint } = await connected()
  clock.advance(5_000)
  endpoint.silence(true)
  clock.advance(1_000)
  alice.lastActivityMs = clock.nowMs()
  await alice.publish(restarted(offers.media))
  endpoint.silence(false)
  assert.deepEqual(endpoint.methods.slice(-3), ['restart', 'connect', 'setReceiveStreams'])
  clock.advance(60_000)
  assert.deepEqual([alice.hangups, alice.webrtcups, pool.live], [[], 1, [endpoint]])
  // It counts as up: another one of the session may fall silent.
  const bob = peer('', 7)
  await bob.answer((await bob.join('alice', { media: 'alice' })).jsep)
  pool.last.connects()
  clock.advance(60_000)
  pool.last.silence(true)
  assert.deepEqual([alice.expired, bob.expired], [0, 0])
  endpoint.silence(true)
  clock.advance(REVIVAL_MS)
  assert.equal(alice.expired, 1)
})

test('a peer connection that falls silent before it is up says nothing about its client', async () => {
  const here = stage()
  const alice = here.peer()
  await alice.publish()
  await alice.join('alice')
  here.clock.advance(60_000)
  here.pool.last.silence(true)
  assert.equal(alice.expired, 0)
})

test('silent for 15 s when consent is lost: the session ends at once, and the user leaves', async () => {
  const { clock, peer, alice, endpoint } = await connected()
  const witness = peer()
  await witness.join('witness', { notifications: true })
  clock.advance(15_000)
  endpoint.ends('ICE failed')
  assert.deepEqual([alice.hangups, alice.expired], [['ICE failed'], 1])
  assert.deepEqual(witness.events(), [{ event: 'leave', user_id: 'alice', room_id: 'room' }])
})

test('silent for less: the decision waits for the rest', async () => {
  const { clock, plugin, alice, endpoint } = await connected()
  clock.advance(6_000)
  endpoint.ends('ICE failed')
  assert.equal(plugin.live().watched_sessions, 1)
  clock.advance(8_999)
  assert.equal(alice.expired, 0)
  clock.advance(1)
  assert.equal(alice.expired, 1)
  assert.deepEqual([plugin.live().watched_sessions, clock.timers], [0, 0])
})

test('a sign of life, a new peer connection or a detach calls it off', async () => {
  const rescues: [string, (stage: Awaited<ReturnType<typeof connected>>) => unknown][] = [
    ['keepalive', ({ alice, clock }) => (alice.lastActivityMs = clock.nowMs())],
    [
      'new peer connection',
      async ({ alice, pool }) => {
        await alice.publish(fromAnotherPeerConnection(offers.media))
        pool.last.connects()
      },
    ],
    ['detach', ({ alice }) => alice.handle.detached()],
    ['end of the server', ({ plugin }) => plugin.close()],
  ]
  for (const [name, rescue] of rescues) {
    const here = await connected()
    here.endpoint.ends('ICE failed')
    here.clock.advance(5_000)
    await rescue(here)
    here.clock.advance(60_000)
    assert.deepEqual([name, here.alice.expired, here.clock.timers], [name, 0, 0])
  }
})

test('no ghost: another peer connection of the session is up, or this one never was, or it ended in order', async () => {
  const other = await connected()
  const bob = other.peer('', 7)
  await bob.answer((await bob.join('alice', { media: 'alice' })).jsep)
  other.pool.last.connects()
  other.clock.advance(20_000)
  other.endpoint.ends('ICE failed')
  assert.equal(other.alice.expired, 0)
  other.pool.last.ends('ICE failed')
  assert.equal(bob.expired, 1)

  const never = stage()
  const carol = never.peer()
  await carol.publish()
  await carol.join('carol')
  never.clock.advance(20_000)
  never.pool.last.ends('ICE failed')
  assert.equal(carol.expired, 0)

  const orderly = await connected()
  orderly.clock.advance(20_000)
  orderly.endpoint.ends('DTLS alert')
  assert.equal(orderly.alice.expired, 0)
})

test('a session that throws when it is ended is logged, and the next one is ended all the same', () => {
  const clock = new FakeClock()
  const silent = () => {}
  const errors: object[] = []
  const ghosts = new Ghosts(clock, {
    debug: silent,
    info: silent,
    warn: silent,
    error: (fields) => errors.push(fields),
  })
  let ended = 0
  const suspect = (sessionId: number, expireSession: () => void) => ({
    sessionId,
    up: false,
    lastActivityMs: () => startMs,
    expireSession,
  })
  const startMs = clock.nowMs()
  const bug = () => {
    throw new Error('a bug')
  }
  for (const each of [suspect(1, bug), suspect(2, () => ended++)]) {
    ghosts.attached(each)
    ghosts.fellSilent(each)
  }
  clock.advance(SILENCE_MS)
  assert.deepEqual([ended, errors.length, ghosts.watched], [1, 1, 0])
})

test('an ICE restart that comes when the peer connection is gone is refused with what to do; a new one is welcome', async () => {
  const { pool, clock, alice, endpoint } = await connected()
  clock.advance(6_000)
  endpoint.ends('ICE failed')
  const { code, msg } = await alice.fails({}, { type: 'offer', sdp: restarted(offers.media) })
  assert.equal(code, 'invalid_sdp')
  assert.match(msg, /has ended; make a new one\.$/)
  assert.equal(pool.live.length, 0)
  await alice.publish(fromAnotherPeerConnection(offers.media))
  pool.last.connects()
  assert.equal(alice.webrtcups, 2)
  // What was never up had no association, so that its client may offer again.
  const early = await connected(8)
  early.alice.handle.hangup('Janus API')
  await early.alice.publish()
  early.pool.last.ends('ICE failed')
  await early.alice.publish(restarted(offers.media))
})
