/** A peer that keeps back the acknowledgement of one chunk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawPeer } from '../testing/raw-peer.js'
import { chunksOf, sack } from '../testing/sctp-chunks.js'

const chat = { label: 'chat', protocol: '', ordered: true }
const ONE = new Uint8Array(1)

/** An association that has nothing on its way. */
function connected(): { peer: RawPeer; acknowledged: number } {
  const peer = new RawPeer().connect()
  peer.open(2, 'chat')
  const acknowledged = lastTsn(peer)
  peer.say([sack(acknowledged)])
  peer.received.length = 0
  return { peer, acknowledged }
}

const tsns = (peer: RawPeer) =>
  peer.received
    .flatMap((bytes) => chunksOf(bytes))
    .filter(({ type }) => type === 0)
    .map(({ body }) => body.readUInt32BE())
const lastTsn = (peer: RawPeer) => tsns(peer).at(-1)!

/** Queues messages of one byte, and acknowledges by gap block what comes of them, without the first. */
function withhold(peer: RawPeer, acknowledged: number, messages: number): number {
  peer.received.length = 0
  for (let i = 0; i < messages; i++) {
    assert.equal(peer.association.send(peer.nowMs, chat, true, ONE), 'sent')
  }
  peer.association.flush(peer.nowMs)
  let highest = acknowledged
  for (let round = 0; round < 1_000; round++) {
    const sent = tsns(peer).reduce((far, tsn) => Math.max(far, (tsn - acknowledged) >>> 0), 0)
    peer.received.length = 0
    if (sent <= (highest - acknowledged) >>> 0) break
    highest = (acknowledged + sent) >>> 0
    peer.say([sack(acknowledged, [[2, sent]])])
  }
  return (highest - acknowledged) >>> 0
}

test('a peer that withholds the first TSN gets a bounded number of chunks, and its SACKs are cheap', () => {
  const { peer, acknowledged } = connected()
  const sent = withhold(peer, acknowledged, 5_000)
  assert.equal(sent, 4096)
  const { user, system } = process.cpuUsage()
  for (let i = 0; i < 1_000; i++) peer.say(Array.from({ length: 70 }, () => sack(acknowledged, [[2, sent]])))
  const spent = process.cpuUsage()
  const spentMs = (spent.user + spent.system - user - system) / 1000
  assert.ok(spentMs < 2_000, `${spentMs} ms for 1,000 packets`)
  peer.received.length = 0
  peer.say([sack((acknowledged + sent) >>> 0)])
  assert.ok(tsns(peer).length > 0, 'what waited goes on when the first is acknowledged')
})

test('a peer whose cumulative TSN never moves is given up, whatever its gap blocks say', () => {
  for (const gap of [2, 1]) {
    const { peer, acknowledged } = connected()
    const sent = withhold(peer, acknowledged, 100)
    assert.equal(sent, 100)
    for (let second = 0; second < 120 && !peer.events.includes('failed the peer does not answer'); second++) {
      for (let i = 0; i < 4; i++) {
        peer.say([sack(acknowledged, [[gap, sent]])])
        peer.wait(250)
      }
    }
    assert.deepEqual(peer.events, ['opened chat', 'closed chat', 'failed the peer does not answer'], `gap from ${gap}`)
    assert.ok(peer.nowMs > 4_000, `after ${peer.nowMs} ms`)
  }
})

test('a peer that loses one chunk ten times and then has it lives', () => {
  const { peer, acknowledged } = connected()
  for (let round = 0; round < 5; round++) {
    const from = (acknowledged + round * 50) >>> 0
    const sent = withhold(peer, from, 50)
    for (let copies = 0; copies < 10; ) {
      const before = peer.received.length
      peer.untilSent()
      if (peer.received.length > before) copies++
      peer.say([sack(from, [[2, sent]])])
    }
    peer.say([sack((from + sent) >>> 0)])
    assert.equal(peer.association.live().bufferedBytes, 0)
  }
  assert.deepEqual(peer.events, ['opened chat'])
})
