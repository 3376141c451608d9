import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOT_RECEIVED } from '../../rtp/rtcp/index.js'
import { Flow, OVERHEAD_BYTES } from './flow.js'

/** Sends 100 packets of 1000 bytes in a second; `arrived` says when each arrives by the receiver's clock. */
function flowOf(arrived: (sentMs: number, i: number) => number, nowMs = 1050) {
  const flow = new Flow()
  const times: number[] = []
  for (let i = 0; i < 100; i++) {
    flow.record(i, 1000, i * 10)
    const atMs = arrived(i * 10, i)
    times.push(Number.isNaN(atMs) ? NOT_RECEIVED : atMs * 4)
  }
  const head = { baseSeq: 0, statusCount: 100, referenceTime: 0, feedbackCount: 0 }
  flow.take(head, Int32Array.from(times), nowMs, nowMs)
  return flow
}

test('flow: what came through, how long it took, what was lost', () => {
  const flow = flowOf((sentMs, i) => (i % 10 === 3 ? Number.NaN : sentMs + 20))
  const bps = (1000 + OVERHEAD_BYTES) * 90 * 8
  assert.ok(Math.abs(flow.acknowledgedBps(1050) - bps) < bps * 0.05, `${flow.acknowledgedBps(1050)}`)
  assert.equal(flow.rttMs, 60)
  assert.equal(flow.usage(1050), 'normal')
  const loss = { received: 0, lost: 0 }
  flow.takeLoss(loss)
  assert.deepEqual(loss, { received: 90, lost: 10 })
  flow.takeLoss(loss)
  assert.deepEqual(loss, { received: 90, lost: 10 }, 'told once')
})

test('flow: a queue that grows', () => {
  const flow = flowOf((sentMs) => sentMs * 1.3)
  assert.equal(flow.usage(1050), 'over')
  assert.equal(flow.usage(4000), 'normal', 'nothing is known any more')
  assert.ok(Number.isNaN(flow.acknowledgedBps(4000)))
})

test('flow: feedback about nothing that was sent says nothing', () => {
  const flow = new Flow()
  const head = { baseSeq: 7, statusCount: 2, referenceTime: 0, feedbackCount: 0 }
  flow.take(head, Int32Array.of(0, NOT_RECEIVED), 100, 100)
  assert.equal(flow.informed, false)
  assert.equal(flow.reader.unknown, 2)
})

test('flow: REMB counts for five seconds, and a lower one is told', () => {
  const flow = new Flow()
  flow.remb(1_000_000, 0)
  flow.remb(700_000, 2000)
  assert.equal(flow.rembBps(7000), 700_000)
  assert.ok(Number.isNaN(flow.rembBps(7001)))
  assert.equal(flow.informed, true)
})

test('flow: reports of receivers count only without feedback', () => {
  const loss = { received: 0, lost: 0 }
  const flow = new Flow()
  flow.reported(95, 5, 80)
  flow.takeLoss(loss)
  assert.deepEqual(loss, { received: 95, lost: 5 })
  assert.equal(flow.rttMs, 80)
  const other = flowOf((sentMs) => sentMs)
  other.takeLoss(loss)
  other.reported(95, 5, 80)
  other.takeLoss(loss)
  assert.equal(loss.lost, 5)
})

test('flow: packets of a cluster are counted, media too', () => {
  const flow = new Flow()
  const cluster = { id: 9, packets: 0, bytes: 0 }
  flow.record(0, 100, 0)
  flow.cluster = cluster
  flow.record(1, 100, 5)
  flow.record(2, 200, 10)
  flow.cluster = null
  flow.record(3, 100, 15)
  assert.deepEqual(cluster, { id: 9, packets: 2, bytes: 300 + 2 * OVERHEAD_BYTES })
  assert.deepEqual(
    [0, 1, 2, 3].map((seq) => flow.sent.clusterOf(seq)),
    [0, 9, 9, 0],
  )
})

test('flow: a round trip ends when feedback came; that it lives, when it was read', () => {
  const flow = new Flow()
  flow.record(0, 1000, 0)
  const head = { baseSeq: 0, statusCount: 1, referenceTime: 0, feedbackCount: 0 }
  flow.take(head, Int32Array.of(40 * 4), 80, 1580)
  assert.equal(flow.feedbackMs, 1580)
  assert.equal(flow.rttMs, 80)
})
