import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryBlocks } from '../testing/memory-blocks.js'
import type { Stage } from '../testing/peer.js'
import { assertEmpty, stage } from '../testing/peer.js'
import { adminMessages } from './index.js'

const ask = async ({ plugin }: Stage, request: object) => plugin.admin!({ ...request })
const response = async (stage: Stage, request: object) => {
  const reply = await ask(stage, request)
  assert.equal(reply.success, true, JSON.stringify(reply))
  return reply.response as Record<string, unknown>
}
const refusal = async (stage: Stage, request: object) => {
  const reply = await ask(stage, request)
  assert.equal(reply.success, false, JSON.stringify(reply))
  return reply.error as { code: string; msg: string }
}

async function hall() {
  const made = stage()
  const [alice, phone, bob, other] = [made.peer(), made.peer('', 1001), made.peer(), made.peer()]
  await alice.join('alice', { notifications: true, data: true }, 'hall')
  await alice.publish()
  await phone.join('alice', { media: 'alice' }, 'hall')
  await bob.join('bob', undefined, 'hall')
  await other.join('bob', undefined, 'lobby')
  return { made, alice, phone, bob, other }
}

test('rooms are listed, page by page', async () => {
  const { made } = await hall()
  const rooms = [
    { room_id: 'hall', users: 2, connections: 3 },
    { room_id: 'lobby', users: 1, connections: 1 },
  ]
  assert.deepEqual(await response(made, { kind: 'list_rooms' }), { rooms, total: 2 })
  assert.deepEqual(await response(made, { kind: 'list_rooms', offset: 1, limit: 5 }), { rooms: [rooms[1]], total: 2 })
  assert.deepEqual(await response(made, { kind: 'list_rooms', limit: 1 }), { rooms: [rooms[0]], total: 2 })
})

test('a room shows who is in it, on which handles, and what they publish', async () => {
  const { made } = await hall()
  const common = { has_identity: false, notifications: false, data: false }
  const alice = [
    {
      ...common,
      session_id: 1001,
      handle_id: 100_100,
      notifications: true,
      data: true,
      publishes: { audio: 1, video: 1, worker: 0 },
    },
    { ...common, session_id: 1001, handle_id: 100_100, media: 'alice' },
  ]
  const bob = [{ ...common, session_id: 1002, handle_id: 100_200 }]
  const users = [
    { user_id: 'alice', connections: alice },
    { user_id: 'bob', connections: bob },
  ]
  assert.deepEqual(await response(made, { kind: 'room', room_id: 'hall' }), { room_id: 'hall', users })
  assert.deepEqual(await response(made, { kind: 'user', user_id: 'alice' }), {
    user_id: 'alice',
    rooms: [{ room_id: 'hall', connections: alice }],
  })
  assert.deepEqual(await response(made, { kind: 'list_users' }), {
    users: [
      { user_id: 'alice', rooms: ['hall'] },
      { user_id: 'bob', rooms: ['hall', 'lobby'] },
    ],
    total: 2,
  })
  assert.equal((await refusal(made, { kind: 'room', room_id: 'none' })).code, 'not_found')
  assert.equal((await refusal(made, { kind: 'user', user_id: 'none' })).code, 'not_found')
})

test('a user is kicked out of one room, or of all', async () => {
  const { made, alice, phone, bob, other } = await hall()
  alice.take()
  assert.deepEqual(await response(made, { kind: 'kick', user_id: 'bob', room_id: 'hall' }), { kicked: 1 })
  assert.deepEqual([bob.detaches, other.detaches], [1, 0])
  assert.deepEqual(alice.events(), [{ event: 'leave', user_id: 'bob', room_id: 'hall' }])
  assert.deepEqual(await response(made, { kind: 'kick', user_id: 'bob' }), { kicked: 1 })
  assert.deepEqual(await response(made, { kind: 'kick', user_id: 'bob' }), { kicked: 0 })
  assert.deepEqual(await response(made, { kind: 'kick', user_id: 'alice' }), { kicked: 2 })
  assert.deepEqual([alice.detaches, phone.detaches, other.detaches], [1, 1, 1])
  assertEmpty(made)
})

test('blocks are shown and ended, whether the user is there or not', async () => {
  const store = memoryBlocks()
  const made = stage({ blocks: store })
  const [alice, bob] = [made.peer(), made.peer()]
  await alice.join('alice', undefined, 'hall')
  await bob.join('bob', { notifications: true }, 'hall')
  await alice.ok({ kind: 'block', whom: 'bob' })
  await alice.ok({ kind: 'block', whom: 'carol' })
  await store.add('dave', 'erin')
  bob.take()
  assert.deepEqual(await response(made, { kind: 'blocks', user_id: 'alice' }), {
    user_id: 'alice',
    blocks: ['bob', 'carol'],
  })
  assert.deepEqual(await response(made, { kind: 'blocks', user_id: 'dave' }), { user_id: 'dave', blocks: ['erin'] })
  assert.deepEqual(await response(made, { kind: 'blocks', user_id: 'bob' }), { user_id: 'bob', blocks: [] })
  const unblock = { kind: 'unblock', user_id: 'alice', whom: 'bob' }
  assert.ok(made.pool.isBlocked('hall', 'alice', 'bob'))
  assert.deepEqual(await response(made, unblock), { unblocked: true })
  assert.ok(!made.pool.isBlocked('hall', 'alice', 'bob'))
  assert.deepEqual(bob.events(), [{ event: 'unblocked', by: 'alice' }])
  assert.deepEqual(await response(made, unblock), { unblocked: false })
  assert.deepEqual(await response(made, { kind: 'unblock', user_id: 'dave', whom: 'erin' }), { unblocked: true })
  assert.deepEqual(await store.load('dave'), [])
  assert.deepEqual(await store.load('alice'), ['carol'])
  alice.handle.detached()
  bob.handle.detached()
  assertEmpty(made)
})

test('a store that fails is an answer, and nothing is held after it', async () => {
  const failing = { ...memoryBlocks(), load: () => Promise.reject(new Error('disk')) }
  const made = stage({ blocks: failing })
  for (const request of [{ kind: 'blocks' }, { kind: 'unblock', whom: 'b' }]) {
    assert.equal((await refusal(made, { ...request, user_id: 'a' })).code, 'storage_failed')
  }
  assert.equal(made.plugin.live().block_owners, 0)
})

test('what is no message says what one would be', async () => {
  const made = stage()
  const kinds = Object.keys(adminMessages).join(', ')
  assert.deepEqual(await refusal(made, {}), { code: 'invalid_message', msg: `Field "kind": expected one of ${kinds}.` })
  assert.equal((await refusal(made, { kind: 'constructor' })).code, 'unknown_kind')
  const wrong: [object, RegExp][] = [
    [{ kind: 'room' }, /^Field "room_id": expected a string of 1 to 256 characters/],
    [{ kind: 'list_rooms', limit: 0 }, /^Field "limit": expected an integer from 1/],
    [{ kind: 'list_rooms', limit: 10_001 }, /^Field "limit": expected at most 10000/],
    [{ kind: 'list_users', offset: 1.5 }, /^Field "offset": expected an integer from 0/],
    [{ kind: 'kick', user_id: 'a', room_id: {} }, /^Field "room_id"/],
    [{ kind: 'unblock', user_id: 'a' }, /^Field "whom"/],
  ]
  for (const [request, expected] of wrong) assert.match((await refusal(made, request)).msg, expected)
})

test('a handle tells whose it is, and what its worker knows', async () => {
  const { made, alice, bob } = await hall()
  assert.deepEqual(await bob.handle.info(), {
    specific: {
      room_id: 'hall',
      user_id: 'bob',
      profile: 'documented',
      has_identity: false,
      notifications: false,
      data: false,
      publishes: false,
      subscribes: false,
    },
  })
  assert.equal((await alice.handle.info()).peerConnection, undefined, 'the worker knows nothing')
  made.pool.endpoints[0]!.known = {
    ice: { state: 'connected', selected: { ip: '203.0.113.9', port: 5, socket: 0 }, connectedAgoMs: 10 },
    dtls: { state: 'connected', role: 'client', fingerprint: { algorithm: 'sha-256', value: 'AA' } },
    data: {
      association: true,
      channels: 2,
      bufferedBytes: 3,
      received: { packets: 1, bytes: 2 },
      sent: { packets: 3, bytes: 4 },
    },
    paused: true,
    rembBps: 0,
    downlink: {
      transportCc: true,
      estimateBps: 500_000,
      limited: false,
      acknowledgedBps: 0,
      rttMs: 0,
      lossShare: 0,
      pacingBps: 0,
      waitingPackets: 0,
      waitingMs: 0,
      connections: 1,
    },
    uplink: { transportCc: false, feedbackSent: 0, capBps: 0 },
    inbound: [],
    outbound: [],
  }
  const { specific, peerConnection } = await alice.handle.info()
  assert.deepEqual([specific.user_id, specific.publishes, specific.worker, specific.paused], ['alice', true, 0, true])
  assert.deepEqual([peerConnection?.offerFrom, peerConnection?.negotiated], ['client', true])
  assert.ok(peerConnection?.remote?.startsWith('v=0') && peerConnection.local?.includes('a=ice-lite'))
  assert.deepEqual(peerConnection?.ice.selected?.local, { ip: '192.0.2.1', port: 40_000 })
  assert.ok(peerConnection!.ice.localCandidates[0]!.startsWith('1 1 udp '))
  const { mid, mindex, ...data } = peerConnection!.data!
  assert.deepEqual(data, { channels: 2, bufferedBytes: 3 })
  const sections = peerConnection!.local!.split('\r\nm=').slice(1)
  assert.match(sections[mindex]!, new RegExp(`^application [^]*^a=mid:${mid}\\r$`, 'm'))
  assert.equal(peerConnection?.dtls.fingerprint, made.pool.endpoints[0]!.fingerprint.value)
  alice.handle.hangup('Janus API')
  assert.equal((await alice.handle.info()).peerConnection, undefined)
  assert.equal(await alice.handle.capture(null), 'nothing')
})
