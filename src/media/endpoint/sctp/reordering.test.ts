import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawPeer } from '../testing/raw-peer.js'
import { chunksOf, data, openMessage, sack, u16, u32 } from '../testing/sctp-chunks.js'
import { Reordering } from './reordering.js'

/** A path whose round trip takes 40 ms, and on which something has just been cut for `losses` chunks from TSN 1 on. */
function cut(losses: number): Reordering {
  const reordering = new Reordering()
  reordering.arrived(40, 0)
  reordering.begin(true)
  for (let i = 0; i < losses; i++) reordering.lost()
  for (let tsn = 1; tsn <= losses; tsn++) reordering.settled(tsn)
  return reordering
}

test('on a path that keeps the order, what was overtaken is lost at once', () => {
  const reordering = cut(1)
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
  assert.equal(reordering.copyAcknowledged(1, 1040, 1000), false, 'an answer to the copy')
  const unmeasured = new Reordering()
  unmeasured.begin(true)
  unmeasured.lost()
  unmeasured.settled(1)
  assert.equal(unmeasured.copyAcknowledged(1, 1001, 1000), false, 'no round trip is known')
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
})

test('an answer that comes sooner than it can is to the copy before, and makes the next wait a quarter round trip', () => {
  const reordering = cut(1)
  assert.equal(reordering.copyAcknowledged(1, 1003, 1000), true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 10)
  reordering.begin(true)
  reordering.lost()
  assert.equal(reordering.arrivedAfterAll(1), true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 20)
  assert.equal(reordering.lostAtMs(1000, 15), 1000 + 40 + 15, 'no more than the smoothed round trip')
})

test('that a chunk came twice says so too, but only of one that was sent twice', () => {
  const reordering = cut(2)
  assert.equal(reordering.reportedTwice(1), false, 'the other is still lost')
  assert.equal(reordering.reportedTwice(1), false, 'counts once')
  assert.equal(reordering.reportedTwice(2), true)
})

test('of a path that doubles what was sent once, it says nothing', () => {
  const reordering = cut(1)
  assert.equal(reordering.reportedTwice(77), false)
  assert.equal(reordering.reportedTwice(1), false, 'the copy may have been doubled')
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
})

test('what may not be taken back any more still teaches how late chunks come', () => {
  const reordering = new Reordering()
  reordering.arrived(40, 0)
  const again = (overtaken: boolean) => {
    reordering.begin(overtaken)
    reordering.lost()
    return reordering.arrivedAfterAll(1)
  }
  assert.deepEqual([again(false), again(false), again(false), again(false)], [true, true, true, true])
  assert.equal(again(true), false, 'four were taken back')
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 10)
})

test('a chunk that was given up and comes too late was not lost, and is no sign of a path that doubles', () => {
  const reordering = cut(1)
  assert.equal(reordering.reportedTwice(1), true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 10)
  reordering.begin(true)
  reordering.lost()
  reordering.settled(2)
  assert.equal(reordering.reportedTwice(2), true, 'duplicates still count')
})

test('a timeout that was none gives the window back, and says nothing about the order', () => {
  const reordering = new Reordering()
  reordering.arrived(40, 0)
  reordering.begin(false)
  reordering.lost()
  reordering.settled(1)
  assert.equal(reordering.copyAcknowledged(1, 1003, 1000), true)
  assert.equal(reordering.lostAtMs(2000, 45), 2000)
})

test('the least round trip is one of late', () => {
  const reordering = cut(1)
  assert.equal(reordering.reportedTwice(1), true)
  for (let second = 1; second <= 21; second++) reordering.arrived(second * 1000 + 200, second * 1000)
  assert.equal(reordering.lostAtMs(22_000, 300), 22_000 + 200 + 50)
})

test('what was sent again is remembered in a bounded number, and not beyond a pause', () => {
  const reordering = cut(1)
  for (let tsn = 1; tsn <= 300; tsn++) reordering.settled(tsn)
  assert.equal(reordering.reportedTwice(300), true)
  const paused = cut(1)
  paused.forget()
  assert.equal(paused.reportedTwice(1), false)
})

test('sixteen losses that were losses end the patience', () => {
  const reordering = cut(1)
  reordering.reportedTwice(1)
  for (let i = 0; i < 15; i++) reordering.begin(true)
  assert.equal(reordering.lostAtMs(1000, 45), 1050)
  reordering.begin(true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
})

/** A peer to whom as much is on its way as may be at first: TSNs from 2 on. */
function flooded(windowBytes: number, reliability: { maxRetransmits?: number } = {}) {
  const peer = new RawPeer()
  peer.windowBytes = windowBytes
  peer.initialTsn = 1
  peer.connect()
  const open = openMessage('chat')
  if (reliability.maxRetransmits === 0) open[1] = 1
  peer.say([data(peer.tsn++, 2, 0, 50, open)])
  // What answered OPEN has arrived; it took 40 ms.
  peer.nowMs += 40
  peer.say([sack(1, [], windowBytes)])
  const chat = { label: 'chat', protocol: '', ordered: true, ...reliability }
  for (let i = 0; i < 200; i++) peer.association.send(peer.nowMs, chat, true, new Uint8Array(1000))
  peer.association.flush(peer.nowMs)
  return peer
}
const tsns = (packets: readonly Uint8Array[]) =>
  packets.flatMap((bytes) => chunksOf(bytes).flatMap(({ type, body }) => (type === 0 ? [body.readUInt32BE(0)] : [])))
const sackTwice = (tsn: number, twice: number[]) => {
  const plain = sack(tsn, [], 1_000_000)
  const all = Buffer.concat([plain, Buffer.from(twice.flatMap(u32))])
  all.set(u16(all.length), 2)
  all.set(u16(twice.length), 14)
  return all
}

test('a chunk that was overtaken by three and then comes costs nothing: the window is what it was', () => {
  const peer = flooded(1_000_000)
  const first = 2
  const highest = tsns(peer.received).at(-1)!
  assert.equal(highest - first + 1, 11, 'a first window')
  peer.nowMs += 40
  for (let last = 3; last <= 5; last++) peer.say([sack(first, [[2, last]], 1_000_000)])
  const again = tsns(peer.received).filter((tsn) => tsn === first + 1)
  assert.equal(again.length, 2, 'it was sent again')
  const before = tsns(peer.received).length
  peer.nowMs += 5
  peer.say([sack(highest, [], 1_000_000)])
  const burst = tsns(peer.received).length - before
  assert.ok(burst >= 10, `${burst} chunks may go out: it was not halved to 5`)
})

/** What a peer gets in each of `rounds` that reports the first chunk of each lost, and then has it. */
function lossy(rounds: number, lies: boolean): number[] {
  const peer = flooded(10_000_000)
  const chat = { label: 'chat', protocol: '', ordered: true }
  let acknowledged = 1
  return Array.from({ length: rounds }, () => {
    while (peer.association.live().bufferedBytes < 900_000)
      peer.association.send(peer.nowMs, chat, true, new Uint8Array(1000))
    const highest = Math.max(...tsns(peer.received))
    const before = peer.received.length
    peer.nowMs += 40
    for (let seen = 0; seen < 3; seen++) {
      peer.say([sack(acknowledged, [[2, highest - acknowledged - 2 + seen]], 10_000_000)])
    }
    peer.nowMs += 40
    peer.say([lies ? sackTwice(highest, [acknowledged + 1]) : sack(highest, [], 10_000_000)])
    acknowledged = highest
    return tsns(peer.received.slice(before)).length
  })
}

test('a peer that reports its losses as doubled escapes a few of them, and gets no more than it would have had', () => {
  const honest = lossy(40, false).slice(-10)
  const lying = lossy(40, true).slice(-10)
  const sum = (chunks: number[]) => chunks.reduce((all, one) => all + one, 0)
  assert.ok(sum(honest) > 30, `${honest}`)
  assert.ok(sum(lying) <= 1.5 * sum(honest), `${lying} to ${honest}`)
})

test('a chunk that is never sent again was not lost either, when it comes: the window is what it was', () => {
  for (const byGap of [true, false]) {
    const peer = flooded(1_000_000, { maxRetransmits: 0 })
    const first = 2
    const highest = tsns(peer.received).at(-1)!
    peer.nowMs += 40
    for (let last = 3; last <= 5; last++) peer.say([sack(first, [[2, last]], 1_000_000)])
    assert.equal(tsns(peer.received).filter((tsn) => tsn === first + 1).length, 1, 'it was given up')
    peer.nowMs += 5
    const end = highest - first
    peer.say([byGap ? sack(first, [[1, end]], 1_000_000) : sack(highest, [], 1_000_000)])
    const out = tsns(peer.received).at(-1)! - highest
    assert.ok(out >= 10, `${out} chunks may be on their way: it was not halved to 5`)
  }
})

test('a chunk that was given up and is passed over after a round trip was lost', () => {
  const peer = flooded(1_000_000, { maxRetransmits: 0 })
  const highest = tsns(peer.received).at(-1)!
  peer.nowMs += 40
  for (let last = 3; last <= 5; last++) peer.say([sack(2, [[2, last]], 1_000_000)])
  peer.nowMs += 40
  peer.say([sack(highest, [], 1_000_000)])
  const out = tsns(peer.received).at(-1)! - highest
  assert.ok(out < 8, `${out} chunks may be on their way: the window stays cut`)
})

test('a SACK without gaps that comes late does not keep from finding what was lost', () => {
  const peer = flooded(1_000_000)
  const first = 2
  const highest = tsns(peer.received).at(-1)!
  peer.nowMs += 40
  for (let last = 3; last <= 5; last++) peer.say([sack(first, [[2, last]], 1_000_000)])
  peer.nowMs += 5
  peer.say([sack(highest, [], 1_000_000)]) // overtaken: from now on it has to be late, too
  const next = highest + 1
  peer.nowMs += 40
  for (let last = 3; last <= 5; last++) peer.say([sack(highest, [[2, last]], 1_000_000)])
  const copies = () => tsns(peer.received).filter((tsn) => tsn === next).length
  assert.equal(copies(), 1, 'not lost yet')
  peer.say([sack(highest, [], 1_000_000)])
  peer.wait(60)
  assert.equal(copies(), 2, 'long before the timeout of 400 ms')
})
