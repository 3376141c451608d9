import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fate, NO_CLUSTER, SENT_WINDOW, SentPackets } from './sent-packets.js'

test('sent packets: what was recorded, across the wrap of the numbers', () => {
  const sent = new SentPackets()
  assert.equal(sent.age(0), -1, 'nothing was sent')
  for (let i = 0; i < 10; i++) sent.record((0xfffb + i) & 0xffff, 100 + i, 1000 + i, i === 7 ? 3 : NO_CLUSTER)
  assert.equal(sent.age(4), 0)
  assert.equal(sent.age(0xfffb), 9)
  assert.equal(sent.age(0xfffa), -1, 'before the first')
  assert.equal(sent.age(5), -1, 'not sent yet')
  assert.equal(sent.sentMsOf(0xffff), 104)
  assert.equal(sent.bytesOf(1), 1006)
  assert.equal(sent.clusterOf(2), 3)
  assert.equal(sent.newestMs, 109)
})

test('sent packets: a number that comes round again is another packet', () => {
  const sent = new SentPackets()
  sent.record(7, 1, 100, NO_CLUSTER)
  sent.settle(7, Fate.arrived)
  for (let i = 1; i <= SENT_WINDOW; i++) sent.record(7 + i, 1 + i, 200, NO_CLUSTER)
  assert.equal(sent.age(7), -1)
  assert.equal(sent.fateOf(7 + SENT_WINDOW), Fate.unknown)
  assert.equal(sent.bytesOf(7 + SENT_WINDOW), 200)
})
