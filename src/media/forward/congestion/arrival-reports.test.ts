import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRtcp, newRtcpCursor } from '../../rtp/rtcp/index.js'
import { NOT_RECEIVED, newArrivalFeedback, readArrivalFeedback } from '../../rtp/rtcp/transport-cc.js'
import { ArrivalReports } from './arrival-reports.js'

const bytes = new Uint8Array(2000)
const hex = (length: number) => Buffer.from(bytes.subarray(0, length)).toString('hex')

/** The packets of one report. */
function report(reports: ArrivalReports, nowMs: number, maxLength = 1000): { seq: number; received: number[] }[] {
  const said = []
  for (let length = 1; length > 0; ) {
    length = reports.write(nowMs, bytes, 0, 0x11111111, maxLength)
    if (length === 0) break
    assert.ok(length <= maxLength && length % 4 === 0)
    const c = newRtcpCursor()
    const feedback = newArrivalFeedback()
    const arrivals = new Int32Array(4096)
    assert.ok(firstRtcp(c, bytes, 0, length) && readArrivalFeedback(c, feedback, arrivals))
    const all = [...arrivals.subarray(0, feedback.statusCount)]
    said.push({ seq: feedback.baseSeq, received: all.flatMap((at, i) => (at === NOT_RECEIVED ? [] : [i])) })
  }
  return said
}

/** Packets of 1,000 bytes with consecutive numbers at an even rate. @returns when reports were due */
function stream(reports: ArrivalReports, rateBps: number, durationMs: number): number[] {
  const due: number[] = []
  for (let n = 0; (n * 8_000_000) / rateBps < durationMs; n++) {
    const nowMs = (n * 8_000_000) / rateBps
    if (!reports.arrived(nowMs, n & 0xffff, 5, 1000, 0)) continue
    due.push(nowMs)
    report(reports, nowMs)
  }
  return due
}

test('the bytes of a report', () => {
  const reports = new ArrivalReports()
  for (const [seq, ms] of [
    [3, 64],
    [4, 65],
    [7, 66.5],
  ] as const)
    reports.arrived(ms, seq, 0x22222222, 100, 0)
  const length = reports.write(100, bytes, 0, 0x11111111, 1000)
  // 5 statuses from 3 at reference 1: small small lost lost small = vector 11001…, deltas 0, 4, 6.
  assert.equal(
    hex(length),
    '8fcd0006' + '11111111' + '22222222' + '0003' + '0005' + '000001' + '00' + 'b200' + '000406' + '000000',
  )
  assert.equal(reports.write(100, bytes, 0, 0x11111111, 1000), 0)
  assert.equal(reports.dueMs, Number.POSITIVE_INFINITY)
})

test('the interval follows the rate: 5 % of it, 50 to 250 ms', () => {
  const table: [rateBps: number, min: number, max: number][] = [
    [2_000_000, 50, 58],
    [120_000, 85, 140],
    [30_000, 250, 270],
  ]
  for (const [rateBps, min, max] of table) {
    const due = stream(new ArrivalReports(), rateBps, 20_000)
    const lately = due.slice(-5)
    const gaps = lately.slice(1).map((ms, i) => ms - lately[i]!)
    for (const gap of gaps) assert.ok(gap >= min && gap <= max, `${rateBps}: ${gap}`)
  }
})

test('soon after a burst of losses and after a late packet, but no flood', () => {
  const table: [what: string, seqs: number[], dueMs: number][] = [
    ['in order: at the interval', [102, 103], 1050],
    ['two missing: at the interval', [104], 1050],
    ['three missing: soon', [105], 1020],
    ['late: soon', [103, 102], 1020],
  ]
  for (const [what, seqs, dueMs] of table) {
    const reports = new ArrivalReports()
    // Fast enough for the shortest interval.
    for (let ms = 0; ms <= 1000; ms++) {
      reports.arrived(ms, (ms - 899) & 0xffff, 5, 1000, 0)
      if (ms % 50 === 0) report(reports, ms)
    }
    for (const seq of seqs) reports.arrived(1003, seq, 5, 1000, 0)
    assert.equal(reports.dueMs, dueMs, what)
    assert.equal(reports.deadlineMs, dueMs + 100, what)
  }
})

test('a report that does not fit one packet goes on in the next, a bounded number of them', () => {
  const reports = new ArrivalReports()
  // Every second one: two bits per status and large deltas.
  for (let i = 0; i < 400; i++) reports.arrived(i * 70, i * 2, 5, 1000, 0)
  const said = report(reports, 28_000, 200)
  assert.equal(said.length, 4)
  for (const [i, { seq, received }] of said.entries()) {
    assert.ok(received.every((at) => (seq + at) % 2 === 0))
    if (i > 0) assert.ok(seq > said[i - 1]!.seq)
  }
  assert.ok(reports.dueMs <= 28_020, 'the rest soon')
})

test('each packet is told in some report, whatever is lost or reordered', () => {
  const reports = new ArrivalReports()
  let random = 7
  const next = (below: number) => ((random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0) >>> 8) % below
  const arrived = new Set<number>()
  const told = new Set<number>()
  const take = (nowMs: number) => {
    for (const { seq, received } of report(reports, nowMs)) for (const at of received) told.add((seq + at) & 0xffff)
  }
  const order = Array.from({ length: 20_000 }, (_, n) => ({ n, at: n + (next(20) === 0 ? next(100) : 0) }))
  order.sort((a, b) => a.at - b.at)
  for (const [i, { n }] of order.entries()) {
    if (next(10) === 0) continue
    arrived.add(n)
    if (reports.arrived(i, n, 5, 1000, 0)) take(i)
  }
  take(30_000)
  assert.deepEqual(
    [...told].sort((a, b) => a - b),
    [...arrived].sort((a, b) => a - b),
  )
})
