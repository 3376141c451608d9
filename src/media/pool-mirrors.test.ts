/** Who is mirrored where, and which links there are, over homes that only note what they are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointId, HangupReason } from './control.js'
import { Mirrors } from './pool-mirrors.js'
import { type AnswerTo, type EndpointHome, type Mirror, type Sent, WorkerEndpoint } from './pooled-endpoint.js'

class FakeHome implements EndpointHome {
  readonly index: number
  readonly fingerprint = { algorithm: 'sha-256', value: '00' } as const
  readonly candidates = []
  readonly endpoints = new Map<EndpointId, WorkerEndpoint>()
  readonly mirrors = new Map<EndpointId, Mirror>()
  running = true
  life = 0
  relayPort: number | undefined
  /** Whether it has a place for links. */
  links = true
  told: Sent[] = []

  constructor(index: number) {
    this.index = index
    this.relayPort = 5000 + index
  }

  send(command: Sent): void {
    this.told.push(command)
  }

  ask<C extends Sent>(command: C): Promise<AnswerTo<C['kind']> | undefined> {
    this.send(command)
    return Promise.resolve((this.links && this.running ? true : undefined) as AnswerTo<C['kind']> | undefined)
  }

  /** As `WorkerProcess` does. */
  dies(): void {
    this.running = false
    for (const endpoint of [...this.endpoints.values()]) endpoint.closed('Internal error')
    this.life++
  }

  /** The kinds of what it was told since the last call. */
  take(): string[] {
    return this.told.splice(0).map(({ kind }) => kind)
  }

  lastLink(): Extract<Sent, { kind: 'link' }> {
    const links = this.told.filter((command) => command.kind === 'link')
    return links.at(-1) as Extract<Sent, { kind: 'link' }>
  }
}

function setUp(homeCount = 2) {
  let id = 1
  const mirrors = new Mirrors(() => id++)
  const homes = Array.from({ length: homeCount }, (_, index) => new FakeHome(index))
  const closed: [EndpointId, HangupReason][] = []
  const open = (home: number) => {
    const endpoint: WorkerEndpoint = new WorkerEndpoint(
      homes[home]!,
      id++,
      {
        connected: () => {},
        silence: () => {},
        media: () => {},
        slowlink: () => {},
        closed: (reason) => closed.push([endpoint.id, reason]),
      },
      { entered: () => {}, left: () => {} },
      mirrors,
    )
    return endpoint
  }
  const [a, b] = homes as [FakeHome, FakeHome]
  return { mirrors, a, b, homes, closed, open }
}

/** After what was asked has been answered. */
const answered = () => new Promise<void>((resolve) => setImmediate(resolve))

test('the first follower on another worker opens a mirror, the last one takes it along', async () => {
  const { a, b, open } = setUp()
  const ann = open(0)
  ann.place({ room: 'hall', user: 'ann', session: 1, relaysData: true, receivesData: true })
  const [near, bob, cid] = [open(0), open(1), open(1)]
  near.follow(ann)
  assert.deepEqual(
    [a.take(), b.take()],
    [
      ['open', 'place', 'open', 'follow'],
      ['open', 'open'],
    ],
  )
  bob.follow(ann)
  assert.deepEqual(
    [a.take(), b.take()],
    [
      ['link', 'pass'],
      ['link', 'mirror', 'setReceiveStreams', 'place', 'follow'],
    ],
  )
  cid.follow(ann)
  assert.deepEqual([a.take(), b.take()], [[], ['follow']])
  bob.follow(null)
  assert.deepEqual([a.take(), b.take()], [[], ['follow']])
  cid.close()
  assert.deepEqual([a.take(), b.take()], [['unpass'], ['close', 'close']])
  assert.deepEqual([b.mirrors.size, ann.mirrors.size], [0, 0])
  bob.follow(ann)
  assert.deepEqual(a.take(), ['pass'], 'the link is there')
  await answered()
})

test('both ends of a link get each other’s port, and the same keys the other way round', () => {
  const { a, b, open, mirrors } = setUp()
  open(1).follow(open(0))
  const before = a.lastLink().keys
  for (let i = 0; i < 2; i++) {
    const [at, bt] = [a.lastLink(), b.lastLink()]
    assert.deepEqual([at.worker, at.port, bt.worker, bt.port], [1, 5001, 0, 5000])
    assert.deepEqual([at.keys.length, bt.keys.subarray(28)], [56, at.keys.subarray(0, 28)])
    assert.deepEqual(bt.keys.subarray(0, 28), at.keys.subarray(28))
    assert.notDeepEqual(at.keys.subarray(0, 28), at.keys.subarray(28))
    mirrors.renew()
  }
  assert.notDeepEqual(a.lastLink().keys, before)
})

test('what a publisher is told its mirrors are told, and they end with it', () => {
  const { a, b, open, closed } = setUp(2)
  const [ann, bob] = [open(0), open(1)]
  bob.follow(ann)
  a.take()
  b.take()
  ann.setReceiveStreams([])
  ann.setSources([])
  assert.deepEqual(b.take(), ['setReceiveStreams', 'sources'])
  ann.close()
  assert.deepEqual([b.take(), b.mirrors.size, closed], [['close'], 0, []])
  bob.follow(ann)
  assert.deepEqual(b.told, [{ kind: 'follow', endpoint: bob.id, publisher: null }], 'nothing comes of who has ended')
})

test('a mirror that its worker ends takes its followers with it, once each', () => {
  const { b, open, closed } = setUp()
  const [ann, bob, cid] = [open(0), open(1), open(1)]
  for (const follower of [bob, cid]) follower.follow(ann)
  const [mirror] = b.mirrors.values()
  mirror!.failed()
  assert.deepEqual(closed, [
    [bob.id, 'Internal error'],
    [cid.id, 'Internal error'],
  ])
  assert.deepEqual([b.mirrors.size, ann.mirrors.size, ann.ended], [0, 0, false])
})

test('a link that cannot be made ends what needs it, and is tried again for the next one', async () => {
  for (const failing of [0, 1]) {
    const { homes, a, b, open, closed } = setUp(3)
    homes[failing]!.links = false
    const [ann, bob, near, dan] = [open(0), open(1), open(0), open(2)]
    bob.follow(ann)
    near.follow(ann)
    if (failing === 1) dan.follow(ann)
    await answered()
    assert.deepEqual(closed, [[bob.id, 'Internal error']])
    assert.deepEqual([b.mirrors.size, ann.ended, near.ended, dan.ended], [0, false, false, false])
    homes[failing]!.links = true
    a.take()
    const again = open(1)
    again.follow(ann)
    await answered()
    assert.deepEqual([a.take(), closed.length, again.ended], [['link', 'pass'], 1, false])
  }
})

test('a worker that starts again is linked anew, and what it left unanswered is no failure', async () => {
  const { a, b, open, closed } = setUp()
  const [ann, bob] = [open(0), open(1)]
  bob.follow(ann)
  a.dies()
  await answered()
  assert.deepEqual([closed, b.mirrors.size], [[[ann.id, 'Internal error']], 0])
  a.running = true
  a.relayPort = 6000
  const again = open(0)
  b.take()
  bob.follow(again)
  assert.deepEqual([b.lastLink().port, b.take()], [6000, ['link', 'mirror', 'setReceiveStreams', 'follow']])
  await answered()
  assert.equal(bob.ended, false)
})

test('keys of workers that are away are not renewed', () => {
  const { a, b, open, mirrors } = setUp()
  open(1).follow(open(0))
  a.dies()
  b.take()
  mirrors.renew()
  assert.deepEqual(b.take(), [])
})
