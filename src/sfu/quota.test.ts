import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from './auth.js'
import { Quota } from './quota.js'
import { assertEmpty, fromAnotherPeerConnection, noLimits, offers, type Peer, stage } from './testing/peer.js'

const limits = { ...noLimits, maxPeerConnectionsPerSession: 2 }
const offer = { type: 'offer', sdp: offers.media } as const

const client = (sessionId: number, address = 'a') => ({ sessionId, address })

test('each owner has one place of a session, and places come back', () => {
  const quota = new Quota(() => ({ perSession: 2, perAddress: 100 }))
  const [a, b, c] = [{}, {}, {}]
  assert.deepEqual(
    [a, b, a, c].map((owner) => quota.take(client(1), owner)),
    [true, true, true, false],
  )
  assert.ok(quota.take(client(2), c), 'another session has places of its own')
  quota.giveBack(a)
  quota.giveBack(a)
  assert.equal(quota.taken, 2)
  assert.ok(quota.take(client(1), a))
})

test('all sessions of an address have no more places than it has; another address has its own', () => {
  const quota = new Quota(() => ({ perSession: 2, perAddress: 3 }))
  const owners = Array.from({ length: 4 }, () => ({}))
  assert.deepEqual(
    owners.map((owner, index) => quota.take(client(index), owner)),
    [true, true, true, false],
  )
  assert.equal(quota.hasRoom(client(9, 'b'), {}), true)
  quota.giveBack(owners[0]!)
  assert.ok(quota.take(client(3), owners[3]!))
})

test('strangers have an eighth; who is no stranger any more leaves room for the next', () => {
  const quota = new Quota(() => ({ perSession: 640, perAddress: 960 }))
  const [ofSession, ofAddress] = [80, 120]
  const owners = Array.from({ length: 121 }, () => ({}))
  const take = (index: number, sessionId: number) => quota.take(client(sessionId), owners[index]!, true)
  const takeAll = (from: number, to: number, sessionId: number) =>
    owners.slice(from, to).every((_, index) => take(from + index, sessionId))
  assert.ok(takeAll(0, ofSession, 1))
  assert.equal(take(ofSession, 1), false)
  assert.ok(takeAll(ofSession, ofAddress, 2))
  assert.equal(take(ofAddress, 3), false)
  const joined = {}
  assert.ok(quota.take(client(1), joined), 'the others have the rest')
  quota.admit(owners[0]!)
  quota.admit(owners[0]!)
  assert.deepEqual([take(ofAddress, 1), quota.taken], [true, 122])
  for (const owner of [...owners, joined]) quota.giveBack(owner)
  assert.deepEqual([quota.taken, takeAll(0, ofSession, 1), take(ofSession, 1)], [0, true, false])
})

test('where a limit is small, all of it may be strangers: a class comes at once', () => {
  const quota = new Quota(() => ({ perSession: 512, perAddress: 150 }))
  const taken = Array.from({ length: 65 }, (_, session) => quota.take(client(session), {}, true))
  assert.deepEqual([taken.indexOf(false), taken.filter((each) => each).length], [64, 64])
  const few = new Quota(() => ({ perSession: 2, perAddress: 3 }))
  assert.deepEqual(
    [1, 2, 3, 4].map((session) => few.take(client(session), {}, true)),
    [true, true, true, false],
  )
})

test('one address gets so many PeerConnections, over whatever sessions', async () => {
  const here = stage({ limits: { ...noLimits, maxPeerConnectionsPerAddress: 2 } })
  const [first, second, third] = [here.peer(), here.peer(), here.peer()]
  const elsewhere = here.peer('', undefined, '192.0.2.2')
  await first.publish()
  await second.publish()
  assert.equal((await third.fails({}, offer)).code, 'too_many_peer_connections')
  await elsewhere.publish()
  first.handle.detached()
  await third.publish()
  for (const each of [second, third, elsewhere]) each.handle.detached()
  assertEmpty(here)
})

test('where tokens are wanted, who has not joined gets a share; joining makes room, also with an offer', async () => {
  const auth = { ...open, wantsToken: true }
  const here = stage({ auth, limits: { ...noLimits, maxPeerConnectionsPerSession: 128 } })
  const session = 7
  const strangers = Array.from({ length: 64 }, () => here.peer('', session))
  const others = [here.peer('', session), here.peer('', session), here.peer('', session)] as [Peer, Peer, Peer]
  const [third, fourth, fifth] = others
  for (const each of strangers) await each.publish()
  assert.equal((await third.fails({}, offer)).code, 'too_many_peer_connections')
  await third.ok({ kind: 'join', room_id: 'room', user_id: 'third' }, offer)
  assert.equal((await fourth.fails({}, offer)).code, 'too_many_peer_connections')
  await strangers[0]!.join('first')
  await fourth.publish()
  await fifth.join('fifth')
  await fifth.publish()
  for (const each of [...strangers, ...others]) each.handle.detached()
  assertEmpty(here)
})

test('so many handles of a session hear who comes and goes; one that stops makes room', async () => {
  const here = stage()
  const listen = { kind: 'subscribe', notifications: true }
  const join = (user: string) => ({
    kind: 'join',
    room_id: 'room',
    user_id: user,
    subscribe: { notifications: true },
  })
  const peers = Array.from({ length: 257 }, () => here.peer('', 7))
  const last = peers.at(-1)!
  for (const [index, each] of peers.slice(0, -1).entries()) await each.ok(join(`user ${index}`))
  await peers[0]!.ok(listen)
  assert.equal((await last.fails(listen)).code, 'too_many_listeners')
  assert.equal((await last.fails(join('ann'))).code, 'too_many_listeners')
  assert.equal(here.plugin.live().users, 256)
  await here.peer('', 8).ok(listen)
  await peers[0]!.ok({ kind: 'subscribe', notifications: false })
  await last.ok(join('ann'))
  peers[1]!.handle.detached()
  await peers[0]!.ok(listen)
  assert.equal(here.plugin.live().listeners, 257)
})

test('who listens without having joined cannot keep others of the address from it', async () => {
  const here = stage()
  const listen = { kind: 'subscribe', notifications: true }
  const strangers = Array.from({ length: 512 }, (_, index) => here.peer('', 100 + (index >> 6)))
  for (const each of strangers) await each.ok(listen)
  const late = here.peer('', 1)
  assert.equal((await late.fails(listen)).code, 'too_many_listeners')
  await late.ok({ kind: 'join', room_id: 'room', user_id: 'ann', subscribe: { notifications: true } })
  // One of them joins, and is no stranger any more.
  await strangers[0]!.join('bob')
  await here.peer('', 2).ok(listen)
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

test('a PeerConnection that ends while another takes its place keeps the place: nobody gains one by it', async () => {
  for (const subscribe of [{}, { media: false }]) {
    const here = stage({ limits: { ...noLimits, maxPeerConnectionsPerAddress: 1 } })
    const { peer, plugin, pool } = here
    const [bob, alice, thief] = [peer('', undefined, '192.0.2.2'), peer(), peer()]
    await bob.join('bob')
    await bob.ok({ kind: 'block', whom: 'alice' })
    await alice.publish()
    const first = pool.last
    pool.holdBlocks = true
    const join = { kind: 'join', room_id: 'room', user_id: 'alice', subscribe }
    const joining = alice.ok(join, { type: 'offer', sdp: fromAnotherPeerConnection(offers.media) })
    await new Promise(setImmediate)
    first.ends('DTLS alert')
    assert.equal((await thief.fails({}, offer)).code, 'too_many_peer_connections')
    pool.release()
    await joining
    assert.deepEqual([pool.live.length, plugin.live().peer_connections], [1, 1])
    assert.equal((await thief.fails({}, offer)).code, 'too_many_peer_connections')
    for (const each of [alice, bob]) each.handle.detached()
    await thief.publish()
    thief.handle.detached()
    assertEmpty(here)
  }
})

test('a handle that is detached while its offer is worked on gives its place back', async () => {
  const here = stage()
  const { peer, pool } = here
  const [bob, alice] = [peer(), peer()]
  await bob.join('bob')
  await bob.ok({ kind: 'block', whom: 'alice' })
  pool.holdBlocks = true
  const joining = alice.fails({ kind: 'join', room_id: 'room', user_id: 'alice' }, offer)
  await new Promise(setImmediate)
  assert.equal(here.plugin.live().peer_connections, 1)
  alice.handle.detached()
  pool.release()
  assert.equal((await joining).code, 'connection_closed')
  bob.handle.detached()
  assertEmpty(here)
})

test('a bug in the last check of a message, or in the answer to its offer, costs no place and leaves no endpoint', async () => {
  let bug = true
  const inCheck = stage({
    limits: {
      ...noLimits,
      maxPeerConnectionsPerAddress: 1,
      get maxRoomSize(): number {
        if (bug) throw new Error('a bug in a check')
        return 0
      },
    },
  })
  const inAnswer = stage({ limits: { ...noLimits, maxPeerConnectionsPerAddress: 1 } })
  const openEndpoint = inAnswer.pool.open.bind(inAnswer.pool)
  inAnswer.pool.open = (where, observer) => {
    const endpoint = openEndpoint(where, observer)
    if (!bug || !endpoint) return endpoint
    return Object.defineProperty(endpoint, 'candidates', {
      get: () => {
        throw new Error('a bug in an answer')
      },
    })
  }
  const join = { kind: 'join', room_id: 'room', user_id: 'alice' }
  for (const [where, here] of Object.entries({ check: inCheck, answer: inAnswer })) {
    bug = true
    const alice = here.peer()
    await assert.rejects(alice.send(join, offer), { message: new RegExp(`^a bug in an? ${where}$`) })
    assert.equal(here.pool.endpoints.length, 1, where)
    assert.deepEqual([here.pool.live.length, here.plugin.live().peer_connections], [0, 0], where)
    bug = false
    const bob = here.peer()
    await bob.publish()
    for (const each of [alice, bob]) each.handle.detached()
    assertEmpty(here)
  }
})

test('a bug in making a subscriber costs no place and leaves no endpoint', async () => {
  const here = stage({ limits: { ...noLimits, maxPeerConnectionsPerAddress: 2 } })
  const bob = here.peer()
  await bob.publish()
  await bob.join('bob')
  const { pool } = here
  const openEndpoint = pool.open.bind(pool)
  pool.open = (where, observer) =>
    Object.assign(openEndpoint(where, observer)!, {
      prefer: () => {
        throw new Error('a bug in a preference')
      },
    })
  const alice = here.peer()
  await alice.join('alice', { prefer: { video: { max_height: 180 } } })
  const subscribe = { kind: 'subscribe', media: 'bob' }
  await assert.rejects(alice.send(subscribe), /a bug in a preference/)
  assert.deepEqual([pool.live.length, here.plugin.live().peer_connections], [1, 1])
  pool.open = openEndpoint
  assert.equal((await alice.ok(subscribe)).jsep?.type, 'offer')
  for (const each of [alice, bob]) each.handle.detached()
  assertEmpty(here)
})
