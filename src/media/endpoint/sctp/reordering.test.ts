import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawPeer } from '../testing/raw-peer.js'
import { chunksOf, sack, u16, u32 } from '../testing/sctp-chunks.js'
import { Reordering } from './reordering.js'

/** A path whose round trip takes 40 ms, and on which something has just been cut for `losses` chunks from TSN 1 on. */
function cut(losses: number): Reordering {
  const reordering = new Reordering()
  reordering.arrived(40, 0)
  reordering.begin()
  for (let i = 0; i < losses; i++) reordering.lost()
  for (let tsn = 1; tsn <= losses; tsn++) reordering.resent(tsn)
  return reordering
}

test('on a path that keeps the order, what was overtaken is lost at once', () => {
  const reordering = cut(1)
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
  assert.equal(reordering.copyAcknowledged(1, 1040, 1000), false, 'an answer to the copy')
  const unmeasured = new Reordering()
  unmeasured.begin()
  unmeasured.lost()
  unmeasured.resent(1)
  assert.equal(unmeasured.copyAcknowledged(1, 1001, 1000), false, 'no round trip is known')
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
})

test('an answer that comes sooner than it can is to the copy before, and makes the next wait a quarter round trip', () => {
  const reordering = cut(1)
  assert.equal(reordering.copyAcknowledged(1, 1003, 1000), true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 10)
  reordering.begin()
  reordering.lost()
  assert.equal(reordering.arrivedAfterAll(), true)
  assert.equal(reordering.lostAtMs(1000, 45), 1000 + 40 + 20)
  assert.equal(reordering.lostAtMs(1000, 15), 1000 + 40 + 15, 'no more than the smoothed round trip')
})

test('that a chunk came twice says so too, but only of one that was sent twice', () => {
  const reordering = cut(2)
  assert.equal(reordering.provesSpurious(77), false)
  assert.equal(reordering.lostAtMs(1000, 45), 1000, 'the path may have doubled it')
  assert.equal(reordering.provesSpurious(1), false, 'the other is still lost')
  assert.equal(reordering.provesSpurious(1), false, 'counts once')
  assert.equal(reordering.provesSpurious(2), true)
})

test('sixteen losses that were losses end the patience', () => {
  const reordering = cut(1)
  reordering.provesSpurious(1)
  for (let i = 0; i < 15; i++) reordering.begin()
  assert.equal(reordering.lostAtMs(1000, 45), 1050)
  reordering.begin()
  assert.equal(reordering.lostAtMs(1000, 45), 1000)
})

/** A peer to whom as much is on its way as may be at first: TSNs from 2 on. */
function flooded(windowBytes: number) {
  const peer = new RawPeer()
  peer.windowBytes = windowBytes
  peer.initialTsn = 1
  peer.connect()
  peer.open(2, 'chat')
  // What answered OPEN has arrived; it took 40 ms.
  peer.nowMs += 40
  peer.say([sack(1, [], windowBytes)])
  const chat = { label: 'chat', protocol: '', ordered: true }
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

test('a peer that reports everything as doubled gets no more than it would have had', () => {
  const run = (lies: boolean) => {
    const peer = flooded(1_000_000)
    for (let round = 0; round < 6; round++) {
      const sent = tsns(peer.received)
      const highest = Math.max(...sent)
      peer.nowMs += 40
      peer.say([
        lies
          ? sackTwice(
              highest,
              Array.from({ length: 250 }, (_, i) => highest - i),
            )
          : sack(highest, [], 1_000_000),
      ])
    }
    return tsns(peer.received).length
  }
  assert.equal(run(true), run(false))
})
