import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bottleneck, type Member } from './bottleneck.js'
import { Flow } from './flow.js'

/** A connection that counts how often it is asked for its layers. */
class Counting implements Member {
  readonly transport: number
  readonly flow = new Flow()
  readonly allotments = []
  readonly probes = false
  sentBytes = 0
  readonly audioBytes = 0
  refreshed = 0

  constructor(transport = 1) {
    this.transport = transport
  }

  probe = () => false
  refresh = () => void this.refreshed++
  allocated = () => {}
}

test('a peer that lowers its estimate in every packet does not make layers be looked at every time', () => {
  const bottleneck = new Bottleneck()
  const member = new Counting()
  bottleneck.add(member)
  for (let i = 0; i < 1000; i++) bottleneck.remb(member, 5e6 - i * 1000, 1000 + i / 10)
  assert.ok(member.refreshed >= 3 && member.refreshed <= 6, `${member.refreshed} times`)
  // What fell in between is not forgotten.
  const before = member.refreshed
  bottleneck.remb(member, 1e6, 1101)
  bottleneck.remb(member, 1e6, 1125)
  assert.ok(member.refreshed > before)
})

test('no estimate of a peer, however large or small, gives one of ours that is no rate', () => {
  for (const bps of [0, 1, 2 ** 81, Number.MAX_VALUE]) {
    const bottleneck = new Bottleneck()
    const member = new Counting()
    bottleneck.add(member)
    for (let ms = 0; ms < 3000; ms += 100) {
      bottleneck.remb(member, bps, ms)
      bottleneck.tick(ms)
      assert.ok(bottleneck.estimateBps >= 40_000 && bottleneck.estimateBps <= 100_000_000, `${bottleneck.estimateBps}`)
    }
  }
})

/** Sends 400 kbit/s for `forMs`, and a keyframe now and then, while the peer says every 100 ms what it holds the link for. */
function send(rembBps: (ms: number) => number, forMs: number, keyframeBytes = 0): boolean {
  const bottleneck = new Bottleneck()
  const member = new Counting()
  bottleneck.add(member)
  let limited = false
  for (let ms = 0; ms <= forMs; ms += 100) {
    member.sentBytes += 5000 + (ms % 4000 === 1200 ? keyframeBytes : 0)
    bottleneck.remb(member, rembBps(ms), ms)
    if (ms % 250 === 0) bottleneck.tick(ms)
    limited ||= bottleneck.limited(ms)
  }
  return limited
}

test("a link is full when its peer's estimate falls below what is sent, however slowly, or stays there", () => {
  const cases: [expected: boolean, what: string, rembBps: (ms: number) => number, forMs: number][] = [
    [false, 'all of it is within', () => 500_000, 20_000],
    [false, 'less than before, and still enough', (ms) => 500_000 - ms * 4, 20_000],
    [true, 'less than what is sent, by 0.1 % at a time', (ms) => 500_000 - ms * 6, 20_000],
    [false, 'it rises: the peer only sees what it got', (ms) => 200_000 + ms * 9, 20_000],
    [false, 'it may yet rise', () => 200_000, 4000],
    [true, 'it does not', () => 200_000, 6000],
  ]
  for (const [expected, what, rembBps, forMs] of cases) assert.equal(send(rembBps, forMs), expected, what)
})

test('an estimate that trembles is not below what is sent because of a keyframe', () => {
  const trembles = (ms: number) => (ms % 1000 < 500 ? 500_000 : 480_000)
  assert.equal(send(trembles, 20_000, 15_000), false)
})

test("a peer's estimate that fell before anything was measured is not forgotten", () => {
  assert.equal(
    send((ms) => (ms < 400 ? 500_000 - ms * 500 : 300_000), 2000),
    true,
  )
})

test('a connection that ends takes its estimate along, which is no fall', () => {
  const bottleneck = new Bottleneck()
  const [stays, leaves] = [new Counting(), new Counting()]
  for (const member of [stays, leaves]) bottleneck.add(member)
  for (let ms = 0; ms <= 6000; ms += 100) {
    stays.sentBytes += 5000
    bottleneck.remb(stays, 300_000 + ms * 20, ms)
    if (ms < 3000) bottleneck.remb(leaves, 1_000_000, ms)
    if (ms === 3000) bottleneck.remove(leaves, ms)
    if (ms % 250 === 0) bottleneck.tick(ms)
    assert.equal(bottleneck.limited(ms), false, `after ${ms} ms`)
  }
})

test('a bug in what is done for one connection is its own, and the others are looked after all the same', () => {
  const failed: [transport: number, error: unknown][] = []
  const bottleneck = new Bottleneck(undefined, ({ transport }, error) => failed.push([transport, error]))
  const members = [new Counting(1), new Counting(2), new Counting(3)]
  const bug = new Error('made up')
  members[1]!.refresh = () => {
    throw bug
  }
  for (const member of members) bottleneck.add(member)
  bottleneck.remb(members[0]!, 1e6, 1000)
  assert.deepEqual(failed, [[2, bug]])
  assert.deepEqual(
    members.map(({ refreshed }) => refreshed),
    [1, 0, 1],
  )
})
