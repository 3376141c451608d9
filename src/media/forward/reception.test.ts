import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newReportBlock } from '../rtp/rtcp/index.js'
import { ReceptionStatistics } from './reception.js'

const BASE = 65_536

function report(statistics: ReceptionStatistics, nowMs: number) {
  const block = newReportBlock()
  statistics.report(block, nowMs)
  return block
}

test('reception: a quarter lost, then none', () => {
  const statistics = new ReceptionStatistics(0xdeadbeef, 48_000, BASE + 10)
  for (let i = 0; i < 100; i++) if (i % 4 !== 1) statistics.received(BASE + 10 + i, i * 960, i * 20)
  assert.deepEqual(report(statistics, 2000), {
    ssrc: 0xdeadbeef,
    fractionLost: 64,
    cumulativeLost: 25,
    highestSeq: 109,
    jitter: 0,
    lastSr: 0,
    delaySinceLastSr: 0,
  })
  for (let i = 100; i < 200; i++) statistics.received(BASE + 10 + i, i * 960, i * 20)
  const second = report(statistics, 4000)
  assert.equal(second.fractionLost, 0)
  assert.equal(second.cumulativeLost, 25)
})

test('reception: duplicates make the loss negative and the fraction 0; a second without packets is no loss', () => {
  const statistics = new ReceptionStatistics(1, 48_000, BASE)
  for (let i = 0; i < 3; i++) statistics.received(BASE, 0, 0)
  assert.equal(report(statistics, 0).cumulativeLost, -2)
  assert.equal(report(statistics, 0).fractionLost, 0)
})

test('reception: the highest number counts wraps from the first packet', () => {
  const statistics = new ReceptionStatistics(1, 48_000, BASE + 65_530)
  statistics.received(BASE + 65_530, 0, 0)
  assert.equal(report(statistics, 0).highestSeq, 65_530)
  statistics.received(2 * BASE + 5, 960, 20)
  assert.equal(report(statistics, 0).highestSeq, 0x1_0005)
  statistics.received(BASE + 65_535, 960, 20)
  assert.equal(report(statistics, 0).highestSeq, 0x1_0005)
})

test('reception: jitter as RFC 3550 A.8, J += (|D| − J) / 16', () => {
  const statistics = new ReceptionStatistics(1, 48_000, BASE)
  const arrivals = [0, 20, 45, 60]
  let jitter = 0
  for (const [i, ms] of arrivals.entries()) {
    statistics.received(BASE + i, (0xffff_ff00 + i * 960) >>> 0, ms)
    if (i > 0) jitter += (Math.abs((ms - arrivals[i - 1]! - 20) * 48) - jitter) / 16
  }
  assert.equal(report(statistics, 0).jitter, Math.floor(jitter))
  assert.ok(jitter > 20)
})

test('reception: packets of one frame are one arrival, and a jump of the timestamp is not jitter', () => {
  const statistics = new ReceptionStatistics(1, 90_000, BASE)
  statistics.received(BASE, 0, 0)
  statistics.received(BASE + 1, 0, 8)
  statistics.received(BASE + 2, 3000, 33)
  assert.ok(report(statistics, 0).jitter <= 2)
  statistics.received(BASE + 3, 1_000_000_000, 66)
  assert.ok(report(statistics, 0).jitter <= 2)
})

test('reception: last SR and the time since', () => {
  const statistics = new ReceptionStatistics(1, 90_000, BASE)
  statistics.senderReport(0xabcd1234, 1000)
  const block = report(statistics, 1500)
  assert.equal(block.lastSr, 0xabcd1234)
  assert.equal(block.delaySinceLastSr, 32_768)
})
