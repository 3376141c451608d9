/** Packets full of one small chunk: the work and the answers are those of a few. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawPeer } from '../testing/raw-peer.js'
import { chunk, chunksOf, data, sack, u16, u32 } from '../testing/sctp-chunks.js'
import { Inbound } from './inbound.js'

/** What this process has computed so far: a machine that is busy does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** As many chunks as fit into a packet of 1,440 bytes. */
function fill(build: (i: number) => Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let bytes = 12; ; ) {
    const next = build(chunks.length)
    bytes += next.length
    if (bytes > 1440) return chunks
    chunks.push(next)
  }
}

const resetAll = (seq: number, lastTsn: number) =>
  chunk(130, 0, [0, 13, 0, 16, ...u32(seq), ...u32(0), ...u32(lastTsn)])
const HEARTBEAT = chunk(4, 0, [0, 1, 0, 4])

test('a packet full of chunks that want an answer gets two packets at most', () => {
  const rows: [string, (peer: RawPeer, i: number) => Uint8Array][] = [
    ['HEARTBEAT', () => HEARTBEAT],
    ['COOKIE ECHO', (peer) => chunk(10, 0, [...peer.cookie])],
    ['SACK', (peer) => sack(peer.tsn)],
    ['FORWARD-TSN', (peer, i) => chunk(192, 0, u32(peer.tsn + i))],
    ['RE-CONFIG', (peer, i) => resetAll(1000 + i, peer.tsn - 1)],
  ]
  for (const [name, build] of rows) {
    const peer = new RawPeer().connect()
    peer.open(2, 'chat')
    const chunks = fill((i) => build(peer, i))
    assert.ok(chunks.length > 50, name)
    const before = peer.host.count('repeated')
    peer.received.length = 0
    peer.say(chunks)
    assert.ok(peer.received.length <= 2, `${name}: ${peer.received.length} packets`)
    assert.equal(peer.host.count('repeated'), before + 1, name)
    assert.ok(peer.isAlive(), name)
  }
})

test('"reset all streams" over and over is cheap, and gives back what was held', () => {
  const peer = new RawPeer().connect()
  let seq = peer.tsn
  for (let i = 0; i < 60; i++) peer.open(i * 2, `c${i}`)
  for (let i = 0; i < 60; i++) peer.say([data(peer.tsn++, i * 2, 9, 51, 'waits')])
  const spent = cpuMs()
  for (let i = 0; i < 2_000; i++) {
    peer.say(fill((at) => resetAll(seq + at, peer.tsn - 1)))
    seq += 4
    peer.received.length = 0
  }
  assert.ok(cpuMs() - spent < 3_000, `${cpuMs() - spent} ms`)
  assert.equal(peer.events.filter((event) => event.startsWith('closed')).length, 60)
  peer.received.length = 0
  peer.say([data(peer.tsn++, 2, 0, 51, 'x')])
  peer.wait(1_000)
  const acknowledged = peer.received.flatMap((bytes) => chunksOf(bytes)).findLast(({ type }) => type === 3)!
  assert.equal(acknowledged.body.readUInt32BE(4), 1024 * 1024, 'the whole window is free again')
})

/** Counts what a Map is asked for while `run` runs. */
function lookups(run: () => void): number {
  const { get, values, keys } = Map.prototype
  let asked = 0
  Map.prototype.get = function (key) {
    asked++
    return get.call(this, key)
  }
  Map.prototype.values = function () {
    asked += this.size
    return values.call(this)
  }
  Map.prototype.keys = function () {
    asked += this.size
    return keys.call(this)
  }
  try {
    run()
  } finally {
    Object.assign(Map.prototype, { get, values, keys })
  }
  return asked
}

function receive(inbound: Inbound, tsn: number, ssn: number, flags: number): void {
  inbound.receive(data(tsn, 2, ssn, 51, 'x', flags), 0, flags, 17, tsn)
}

test('small steps of FORWARD-TSN look at what they pass over only', () => {
  const delivered: number[] = []
  const owner = {
    deliver: (_: number, __: number, payload: Uint8Array) => delivered.push(payload.length),
    oversized() {},
  }
  const waiting = new Inbound(owner, 262_144)
  waiting.start(1)
  for (let i = 0; i < 4_000; i++) receive(waiting, 1 + i, 20_000 + i, 3)
  const skipped = lookups(() => {
    for (let i = 0; i < 10_000; i++) waiting.forward(4_001 + i, Uint8Array.from([...u16(2), ...u16(i)]), 0, 1)
  })
  assert.ok(skipped < 100_000, `${skipped} look-ups for 10,000 steps beside 4,000 messages`)
  assert.equal(delivered.length, 0)
  waiting.forward(30_000, Uint8Array.from([...u16(2), ...u16(25_000)]), 0, 1)
  assert.equal(delivered.length, 4_000, 'the gap passed, all that waited goes up')
  assert.equal(waiting.heldBytes, 0)

  const fragments = new Inbound(owner, 262_144)
  fragments.start(1)
  for (let i = 0; i < 4_000; i++) receive(fragments, 2_001 + i, 0, 0)
  const stepped = lookups(() => {
    for (let i = 0; i < 1_900; i++) fragments.forward(1 + i, new Uint8Array(0), 0, 0)
  })
  assert.ok(stepped < 20_000, `${stepped} look-ups for 1,900 steps before 4,000 fragments`)
  fragments.forward(9_000, new Uint8Array(0), 0, 0)
  assert.equal(fragments.heldBytes, 0)
})

test('what FORWARD-TSN passes over goes up in order, from short steps and from long ones', () => {
  for (const upTo of [10, 20_000]) {
    const order: number[] = []
    const inbound = new Inbound({ deliver: (_, ppid) => order.push(ppid), oversized() {} }, 262_144)
    inbound.start(1)
    let tsn = 1
    for (const ssn of [9, 3, 7, 5, 11, 1, 2, 4, 6, 8, 10, 12]) {
      inbound.receive(data(tsn, 2, ssn, ssn, 'x'), 0, 3, 17, tsn)
      tsn++
    }
    inbound.forward(tsn, Uint8Array.from([...u16(2), ...u16(upTo)]), 0, 1)
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  }
})
