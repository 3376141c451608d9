import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Quota } from './quota.js'
import { assertEmpty, offers, stage } from './testing/peer.js'

const limits = { maxRoomSize: 0, maxCcu: 0, maxDataBodyBytes: 65_536, maxPeerConnectionsPerSession: 2 }
const offer = { type: 'offer', sdp: offers.media } as const

test('each owner has one place of a session, and places come back', () => {
  const quota = new Quota(() => 2)
  const [a, b, c] = [{}, {}, {}]
  assert.deepEqual(
    [a, b, a, c].map((owner) => quota.take(1, owner)),
    [true, true, true, false],
  )
  assert.ok(quota.take(2, c), 'another session has places of its own')
  quota.giveBack(1, a)
  quota.giveBack(1, a)
  assert.equal(quota.taken, 2)
  assert.ok(quota.take(1, c))
})

test('a session gets so many PeerConnections; the next is refused before anything is opened', async () => {
  const here = stage({ limits })
  const { peer, pool } = here
  const [own, watcher, third, other] = [peer('', 7), peer('', 7), peer('', 7), peer('', 8)]
  await own.publish()
  await own.join('alice')
  await other.join('bob')
  await other.publish()
  await watcher.answer((await watcher.join('alice', { media: 'bob' })).jsep)
  const opened = pool.endpoints.length
  assert.equal((await third.fails({}, offer)).code, 'too_many_peer_connections')
  const join = { kind: 'join', room_id: 'room', user_id: 'alice', subscribe: { media: 'bob' } }
  assert.equal((await third.fails(join)).code, 'too_many_peer_connections')
  assert.equal(pool.endpoints.length, opened)
  await own.publish()
  watcher.handle.hangup('Janus API')
  await third.publish()
  for (const each of [own, watcher, third, other]) each.handle.detached()
  assertEmpty(here)
})

test('waiting for a user who does not publish yet takes a place, until it is no longer wanted', async () => {
  const here = stage({ limits: { ...limits, maxPeerConnectionsPerSession: 1 } })
  const { peer, plugin } = here
  const [bob, watcher, next] = [peer(), peer('', 7), peer('', 7)]
  await bob.join('bob')
  await watcher.join('alice', { media: 'bob' })
  assert.equal((await next.fails({}, offer)).code, 'too_many_peer_connections')
  await watcher.ok({ kind: 'subscribe', media: false })
  assert.equal(plugin.live().peer_connections, 0)
  await next.publish()
  next.handle.detached()
  await watcher.ok({ kind: 'subscribe', media: 'bob' })
  watcher.handle.hangup('Janus API')
  assert.equal(plugin.live().peer_connections, 0)
  await watcher.ok({ kind: 'subscribe', media: 'bob' })
  await bob.publish()
  await watcher.answer(watcher.offer())
  for (const each of [bob, watcher]) each.handle.detached()
  assertEmpty(here)
})

test('an offer that comes to nothing gives its place back', async () => {
  const { peer, pool, plugin } = stage({ limits })
  const alice = peer()
  await alice.fails({ kind: 'join', room_id: 'room', user_id: 'alice', subscribe: { media: 'nobody' } }, offer)
  await alice.fails({ kind: 'join', room_id: 'room' }, offer)
  pool.running = false
  assert.equal((await alice.fails({}, offer)).code, 'no_media_worker')
  assert.equal(plugin.live().peer_connections, 0)
})
