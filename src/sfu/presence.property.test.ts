/**
 * Connections come, go and change in random order, beside a model that is a plain list. After every step what
 * the server says and does has to be what follows from the list.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FakeEndpoint } from './testing/fake-pool.js'
import { assertEmpty, offers, type Peer, type Stage, stage } from './testing/peer.js'

const users = ['ann', 'ben', 'cat']
/** r1 twice as often, so that users meet. */
const rooms = ['r1', 'r2']
const room = fc.constantFrom('r1', 'r1', 'r2')

interface Entry {
  peer: Peer
  room?: string
  user?: string
  data: boolean
  publisher?: FakeEndpoint
}

const who = fc.nat({ max: 7 })
const step = fc.oneof(
  fc.record({
    do: fc.constant('join' as const),
    who,
    room,
    user: fc.constantFrom(...users),
    data: fc.boolean(),
  }),
  fc.record({ do: fc.constant('data' as const), who, data: fc.boolean() }),
  fc.record({ do: fc.constant('publish' as const), who, worker: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant('watch' as const), who, user: fc.constantFrom(...users) }),
  fc.record({ do: fc.constant('answer' as const), who }),
  fc.record({ do: fc.constant('hangup' as const), who }),
  fc.record({ do: fc.constant('fail' as const), who }),
  fc.record({ do: fc.constant('block' as const), who, user: fc.constantFrom(...users), on: fc.boolean() }),
  fc.record({ do: fc.constant('detach' as const), who }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

class World {
  readonly here: Stage = stage()
  readonly entries: Entry[] = []
  readonly blocks = new Set<string>()
  readonly documented = this.here.peer()
  readonly upstream = this.here.peer('profile=upstream')
  /** Users by room as of the last look, in the order in which they came. */
  readonly order = new Map<string, string[]>()
  /** Who is there, from the witness's events alone. */
  readonly heard = new Set<string>()
  readonly heardUpstream = new Set<string>()

  async start(): Promise<void> {
    await this.documented.ok({ kind: 'subscribe', notifications: true })
    await this.upstream.join('witness', { notifications: true }, 'r1')
    this.documented.take()
    for (let count = 0; count < 8; count++) this.attach()
  }

  async perform(step: Step): Promise<void> {
    const entry = this.entries[step.who]
    if (!entry) return
    const { peer } = entry
    switch (step.do) {
      case 'join': {
        const { room, user, data } = step
        if (entry.room !== undefined) {
          assert.equal((await peer.fails({ kind: 'join', room_id: room, user_id: user })).code, 'already_joined')
          return
        }
        const others = this.usersOf(room).filter((other) => other !== user)
        const reply = await peer.join(user, { data }, room)
        assert.deepEqual(reply.data.response, { users: { [room]: [...others, user] } })
        this.entries.splice(step.who, 1)
        Object.assign(entry, { room, user, data: data })
        this.entries.push(entry)
        return
      }
      case 'data':
        await peer.ok({ kind: 'subscribe', data: step.data })
        entry.data = step.data
        return
      case 'publish': {
        this.here.pool.nextWorker = step.worker
        const opened = this.here.pool.opened.length
        const reply = await peer.send({}, { type: 'offer', sdp: offers.media })
        if (reply.data.success && entry.publisher?.closed !== false) entry.publisher = this.here.pool.endpoints[opened]!
        return
      }
      case 'watch':
        await peer.send({ kind: 'subscribe', media: step.user })
        return
      case 'answer': {
        const offer = peer.take().findLast(({ jsep }) => jsep)
        if (offer && peer.handle.expectsAnswer()) await peer.answer(offer.jsep)
        return
      }
      case 'hangup':
        return peer.handle.hangup('Janus API')
      case 'fail':
        return entry.publisher?.ends('DTLS alert')
      case 'block': {
        if (entry.user === undefined || entry.user === step.user) return
        await peer.ok({ kind: step.on ? 'block' : 'unblock', whom: step.user })
        const key = `${entry.user}>${step.user}`
        if (step.on) this.blocks.add(key)
        else this.blocks.delete(key)
        return
      }
      case 'detach':
        this.entries.splice(step.who, 1)
        this.attach()
        return peer.handle.detached()
    }
  }

  attach(): void {
    this.entries.push({ peer: this.here.peer(), data: false })
  }

  /** Users with a connection that counts, in the order in which they came. */
  usersOf(room: string, counts: (entry: Entry) => boolean = () => true): string[] {
    const witness: Entry = { peer: this.upstream, room: 'r1', user: 'witness', data: false }
    const present = [witness, ...this.entries].filter((entry) => entry.room === room)
    const order = (this.order.get(room) ?? []).filter((user) => present.some((entry) => entry.user === user))
    for (const { user } of present) if (!order.includes(user!)) order.push(user!)
    this.order.set(room, order)
    return order.filter((user) => present.some((entry) => entry.user === user && counts(entry)))
  }

  check(): void {
    follow(this.heard, this.documented)
    follow(this.heardUpstream, this.upstream)
    const everybody = rooms.flatMap((room) => this.usersOf(room).map((user) => `${room}/${user}`))
    assert.deepEqual([...this.heard].sort(), everybody.filter((key) => key !== 'r1/witness').sort())
    const listed = this.usersOf('r1', ({ data }) => data).map((user) => `r1/${user}`)
    assert.deepEqual([...this.heardUpstream].sort(), listed.sort())
    this.checkBlocks()
    this.checkSources()
  }

  checkBlocks(): void {
    for (const room of rooms) {
      const present = this.usersOf(room)
      for (const a of present) {
        for (const b of present.filter((other) => other > a)) {
          const blocked = this.blocks.has(`${a}>${b}`) || this.blocks.has(`${b}>${a}`)
          assert.equal(this.here.pool.isBlocked(room, a, b), blocked, `${a} and ${b} in ${room}`)
        }
      }
    }
  }

  /** Every placed endpoint that is fed, is fed by the newest publishing connection of a user of its own room. */
  checkSources(): void {
    const sources = rooms.flatMap((room) =>
      users.map((user) => {
        const mine = this.entries.filter((entry) => entry.room === room && entry.user === user)
        return mine.findLast(({ publisher }) => publisher && !publisher.closed)?.publisher
      }),
    )
    for (const endpoint of this.here.pool.live) {
      if (!endpoint.feeds) continue
      assert.ok(sources.includes(endpoint.feeds))
      assert.equal(endpoint.feeds.placed?.room, endpoint.placed?.room)
    }
  }
}

function follow(present: Set<string>, witness: Peer): void {
  for (const { event, room_id, user_id } of witness.events()) {
    const key = `${room_id}/${user_id}`
    if (event === 'join') assert.ok(!present.has(key), `${key} joined twice`)
    else assert.ok(present.has(key), `${key} left without having joined`)
    if (event === 'join') present.add(key)
    else present.delete(key)
  }
}

test('whatever happens in whatever order: lists, events, blocks and sources are right, and nothing stays', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), async (steps) => {
      const world = new World()
      await world.start()
      for (const each of steps) {
        await world.perform(each)
        world.check()
      }
      for (const { peer } of world.entries) peer.handle.detached()
      world.documented.handle.detached()
      world.upstream.handle.detached()
      assertEmpty(world.here)
    }),
    { numRuns: 100, seed: 20240611, endOnFailure: false },
  )
})

test('after 200 joins and leaves nothing is left', async () => {
  const here = stage()
  const peers = Array.from({ length: 200 }, () => here.peer())
  const order = fc.sample(fc.shuffledSubarray(peers, { minLength: 200 }), { numRuns: 1, seed: 7 })[0]!
  for (const [index, peer] of peers.entries()) {
    if (index % 3 === 0) await peer.publish()
    await peer.join(`user ${index % 50}`, { notifications: true, data: true }, `room ${index % 7}`)
    if (index % 3 === 1) await peer.send({ kind: 'subscribe', media: `user ${(index + 49) % 50}` })
    await peer.ok({ kind: 'block', whom: `user ${(index + 7) % 50}` })
  }
  const { connections, rooms } = here.plugin.live()
  assert.deepEqual([connections, rooms], [200, 7])
  for (const peer of order) peer.handle.detached()
  assertEmpty(here)
})
