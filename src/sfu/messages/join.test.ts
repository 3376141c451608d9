import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertEmpty, mlines, noLimits, offers, stage } from '../testing/peer.js'

const users = (reply: { data: Record<string, unknown> }) => (reply.data.response as { users: object }).users

test('the reply lists the room in the order of joining, and yourself last', async () => {
  const { peer } = stage()
  assert.deepEqual(await peer().join('alice'), { data: { success: true, response: { users: { room: ['alice'] } } } })
  await peer().join('bob')
  await peer().join('carol', undefined, 'elsewhere')
  assert.deepEqual(users(await peer().join('dave')), { room: ['alice', 'bob', 'dave'] })
  assert.deepEqual(users(await peer().join('alice')), { room: ['bob', 'dave', 'alice'] })
})

test('who leaves while a join waits for its blocks is told as gone and not listed; who comes is told and not listed', async () => {
  for (const profile of ['documented', 'upstream']) {
    const { peer, pool } = stage()
    const [alice, carol] = [peer(), peer()]
    await alice.join('alice', { data: true })
    await carol.join('carol', { data: true })
    await alice.ok({ kind: 'block', whom: 'bob' })
    pool.holdBlocks = true
    const bob = peer(`profile=${profile}`)
    const joining = bob.join('bob', { notifications: true, data: true })
    await new Promise(setImmediate)
    await peer().join('dave', { data: true })
    carol.handle.detached()
    pool.release()
    const self = profile === 'documented' ? ['bob'] : []
    assert.deepEqual(users(await joining), { room: ['alice', ...self] })
    assert.deepEqual(
      bob.events().map(({ event, user_id }) => [event, user_id]),
      [
        ['join', 'dave'],
        ['leave', 'carol'],
      ],
    )
  }
})

test('upstream lists the others who subscribed to data, and yourself only if you are already there', async () => {
  const { peer } = stage()
  await peer().join('alice', { data: true })
  await peer().join('listener', { notifications: true })
  const first = await peer('profile=upstream').join('bob', { data: true })
  assert.deepEqual(users(first), { room: ['alice'] })
  const second = await peer('profile=upstream').join('bob')
  assert.deepEqual(users(second), { room: ['alice', 'bob'] })
})

test('the connection decides over the configured profile; a profile that does not exist is none', async () => {
  const { peer } = stage({ profile: 'upstream' })
  assert.deepEqual(users(await peer().join('alice')), { room: [] })
  assert.deepEqual(users(await peer('profile=documented').join('bob')), { room: ['alice', 'bob'] })
  assert.deepEqual(users(await peer('profile=toString').join('carol')), { room: [] })
})

test('numbers are ids too, and __proto__ is only a name', async () => {
  const { peer } = stage()
  const reply = await peer().ok({ kind: 'join', room_id: 12, user_id: -7, subscribe: null, token: null, extra: {} })
  assert.deepEqual(users(reply), { '12': ['-7'] })
  const odd = await peer().ok({ kind: 'join', room_id: '__proto__', user_id: 'constructor' })
  assert.equal(JSON.stringify(users(odd)), '{"__proto__":["constructor"]}')
})

test('a connection joins once, whether the second room is the same or another', async () => {
  const { peer } = stage()
  const alice = peer()
  await alice.join('alice')
  const again = { kind: 'join', room_id: 'other', user_id: 'alice' }
  assert.deepEqual(await alice.fails(again), { code: 'already_joined', msg: 'Handles may only join once!' })
})

test('a malformed join names the field and changes nothing', async () => {
  const cases: [body: object, field: string][] = [
    [{ user_id: 'a' }, 'room_id'],
    [{ room_id: 'r' }, 'user_id'],
    [{ room_id: '', user_id: 'a' }, 'room_id'],
    [{ room_id: 'r', user_id: 'x'.repeat(257) }, 'user_id'],
    [{ room_id: 'r', user_id: 'line\nfeed' }, 'user_id'],
    [{ room_id: 'r', user_id: 1.5 }, 'user_id'],
    [{ room_id: 'r', user_id: 2 ** 53 }, 'user_id'],
    [{ room_id: ['r'], user_id: 'a' }, 'room_id'],
    [{ room_id: null, user_id: 'a' }, 'room_id'],
    [{ room_id: 'r', user_id: 'a', subscribe: true }, 'subscribe'],
    [{ room_id: 'r', user_id: 'a', subscribe: { data: 'yes' } }, 'subscribe.data'],
    [{ room_id: 'r', user_id: 'a', subscribe: { media: true } }, 'subscribe.media'],
    [{ room_id: 'r', user_id: 'a', token: 5 }, 'token'],
  ]
  const here = stage()
  const alice = here.peer()
  for (const [body, field] of cases) {
    const { code, msg } = await alice.fails({ kind: 'join', ...body })
    assert.equal(code, 'invalid_message', msg)
    assert.match(msg, new RegExp(`^Field "${field}": expected .*\\.$`))
  }
  assert.equal(here.plugin.live().users, 0)
  await alice.join('alice')
})

test('limits count users; whoever is there already never hits them', async () => {
  const { peer } = stage({ limits: { ...noLimits, maxRoomSize: 2, maxCcu: 3 } })
  const full = (body: object) => peer().fails({ kind: 'join', ...body })
  await peer().join('alice')
  await peer().join('bob')
  await peer().join('bob')
  assert.deepEqual(await full({ room_id: 'room', user_id: 'carol' }), { code: 'room_full', msg: 'Room is full.' })
  await peer().join('carol', undefined, 'second')
  assert.deepEqual(await full({ room_id: 'third', user_id: 'dave' }), { code: 'server_full', msg: 'Server is full.' })
  await peer().join('alice')
})

test('two connections that ask for the last place at once: one gets it', async () => {
  const { peer, plugin } = stage({ limits: { ...noLimits, maxRoomSize: 1 } })
  const body = (user: string) => ({ kind: 'join', room_id: 'room', user_id: user })
  const replies = await Promise.all([peer().send(body('alice')), peer().send(body('bob'))])
  assert.deepEqual(replies.map(({ data }) => data.success).sort(), [false, true])
  assert.equal(plugin.live().users, 1)
})

test('a join whose subscription cannot be made fails as a whole', async () => {
  const here = stage()
  const witness = here.peer()
  await witness.join('witness', { notifications: true })
  const bob = here.peer()
  const body = { kind: 'join', room_id: 'room', user_id: 'bob', subscribe: { notifications: true, media: 'nobody' } }
  assert.deepEqual(await bob.fails(body), {
    code: 'nonexistent_publisher',
    msg: "Can't subscribe to a nonexistent publisher.",
  })
  assert.deepEqual(witness.events(), [])
  await here.peer().join('carol')
  assert.deepEqual(bob.events(), [])
  assert.deepEqual(users(await bob.join('bob')), { room: ['witness', 'carol', 'bob'] })
})

test('without a worker a join that needs one fails as a whole and works later', async () => {
  const here = stage()
  const alice = here.peer()
  await alice.publish()
  await alice.join('alice')
  const bob = here.peer()
  here.pool.running = false
  const body = { kind: 'join', room_id: 'room', user_id: 'bob', subscribe: { media: 'alice' } }
  assert.equal((await bob.fails(body)).code, 'no_media_worker')
  assert.equal(here.plugin.live().users, 1)
  here.pool.running = true
  assert.ok((await bob.ok(body)).jsep)
})

test('a join that subscribes to a publisher has the offer in its reply', async () => {
  const { peer } = stage()
  const alice = peer()
  await alice.publish()
  await alice.join('alice')
  const reply = await peer().join('bob', { media: 'alice' })
  assert.equal(reply.jsep?.type, 'offer')
  assert.deepEqual(mlines(reply.jsep!.sdp), ['audio', 'video', 'application'])
  assert.deepEqual(users(reply), { room: ['alice', 'bob'] })
})

test('join and leave are told once per user, whatever the number of connections', async () => {
  const here = stage()
  const witness = here.peer()
  await witness.join('witness', { notifications: true })
  const [first, second] = [here.peer(), here.peer()]
  await first.join('bob', { notifications: true })
  await second.join('bob')
  assert.deepEqual(witness.events(), [{ event: 'join', user_id: 'bob', room_id: 'room' }])
  first.handle.detached()
  assert.deepEqual(witness.events(), [])
  second.handle.detached()
  second.handle.detached()
  assert.deepEqual(witness.events(), [{ event: 'leave', user_id: 'bob', room_id: 'room' }])
  assert.deepEqual([...first.events(), ...second.events()], [])
  witness.handle.detached()
  assertEmpty(here)
})

test('documented: notifications reach everybody on the server who asked, joined or not', async () => {
  const { peer } = stage()
  const [stranger, elsewhere, deaf] = [peer(), peer(), peer()]
  await stranger.ok({ kind: 'subscribe', notifications: true })
  await elsewhere.join('eve', { notifications: true }, 'other')
  await deaf.join('dan')
  stranger.take()
  elsewhere.take()
  await peer().join('alice')
  const told = [{ event: 'join', user_id: 'alice', room_id: 'room' }]
  assert.deepEqual([stranger.events(), elsewhere.events(), deaf.events()], [told, told, []])
})

test('upstream: notifications stay in the room and are about users with data', async () => {
  const { peer } = stage({ profile: 'upstream' })
  const [stranger, elsewhere, inside] = [peer(), peer(), peer()]
  await stranger.ok({ kind: 'subscribe', notifications: true })
  await elsewhere.join('eve', { notifications: true, data: true }, 'other')
  await inside.join('ivy', { notifications: true, data: true })
  const alice = peer()
  await alice.join('alice')
  assert.deepEqual(inside.events(), [])
  await alice.ok({ kind: 'subscribe', data: true })
  assert.deepEqual(inside.events(), [{ event: 'join', user_id: 'alice', room_id: 'room' }])
  await alice.ok({ kind: 'subscribe', data: false })
  assert.deepEqual(inside.events(), [{ event: 'leave', user_id: 'alice', room_id: 'room' }])
  alice.handle.detached()
  assert.deepEqual([...inside.events(), ...stranger.events(), ...elsewhere.events()], [])
})

test('H-46: without identity in a token the same user id lives side by side', async () => {
  const { peer } = stage()
  const [one, two] = [peer(), peer()]
  await one.publish()
  await one.join('alice')
  await two.publish()
  await two.join('alice')
  assert.deepEqual([one.detaches, two.detaches], [0, 0])
  await one.ok({ kind: 'data', body: 'still here' })
})

test('join with an offer in the same message: one reply has both, and the room decides on the worker', async () => {
  const { peer, pool } = stage()
  const jsep = { type: 'offer', sdp: offers.data } as const
  const reply = await peer().ok({ kind: 'join', room_id: 'room', user_id: 'alice' }, jsep)
  assert.deepEqual(users(reply), { room: ['alice'] })
  assert.equal(reply.jsep?.type, 'answer')
  assert.deepEqual(pool.opened, [{ room: 'room' }])
  assert.deepEqual(pool.last.placed, {
    ...{ room: 'room', user: 'alice', session: 1001 },
    ...{ relaysData: true, receivesData: false },
  })
})

test('join with an unusable offer, or an offer with a failing join: neither happens', async () => {
  const here = stage()
  const alice = here.peer()
  const body = { kind: 'join', room_id: 'room', user_id: 'alice' }
  assert.equal((await alice.fails(body, { type: 'offer', sdp: 'v=0\r\nrubbish' })).code, 'invalid_sdp')
  assert.equal(here.plugin.live().users, 0)
  const jsep = { type: 'offer', sdp: offers.data } as const
  assert.equal((await alice.fails({ ...body, room_id: '' }, jsep)).code, 'invalid_message')
  const missing = { ...body, subscribe: { media: 'nobody' } }
  assert.equal((await alice.fails(missing, jsep)).code, 'offer_on_subscriber')
  assert.equal(here.pool.live.length, 0)
  assert.ok((await alice.ok(body, jsep)).jsep)
})

test('a connection that is detached while its join waits leaves nothing behind', async () => {
  const here = stage()
  const alice = here.peer()
  const waiting = alice.send({ kind: 'join', room_id: 'room', user_id: 'alice' })
  alice.handle.detached()
  assert.deepEqual((await waiting).data.success, false)
  assertEmpty(here)
})
