import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor, type RtcpCursor } from './cursor.js'
import { newReportBlock, readReportBlock, reportBlockCount } from './report-block.js'
import { receiverReportSsrc, writeReceiverReport } from './rr.js'
import { newSenderReport, readSenderReport, writeSenderReport } from './sr.js'

//              V+RC PT length SSRC     NTP seconds fraction RTP time packets  octets
const srHead = '81   c8 000c   902f9e2e db5f6c83    80000000 fffffff0 00000064 00010000'
//             SSRC     fraction lost(24) highest  jitter   LSR      DLSR
const block = 'bc5e9a40 40       fffffe   0001a2b3 00000010 6c838000 00010000'

function cursorAt(text: string): RtcpCursor {
  const bytes = hex(text)
  const c = newRtcpCursor()
  assert.ok(firstRtcp(c, bytes, 0, bytes.length))
  return c
}

const blockFields = {
  ssrc: 0xbc5e9a40,
  fractionLost: 64,
  cumulativeLost: -2,
  highestSeq: 0x1a2b3,
  jitter: 16,
  lastSr: 0x6c838000,
  delaySinceLastSr: 0x10000,
}
const reportFields = {
  ssrc: 0x902f9e2e,
  ntpSeconds: 0xdb5f6c83,
  ntpFraction: 0x80000000,
  rtpTimestamp: 0xfffffff0,
  packetCount: 100,
  octetCount: 65536,
}

test('a sender report with a report block, both ways', () => {
  const c = cursorAt(`${srHead} ${block}`)
  const report = newSenderReport()
  assert.ok(readSenderReport(c, report))
  assert.deepEqual(report, reportFields)
  assert.equal(reportBlockCount(c), 1)
  const read = newReportBlock()
  readReportBlock(c, 0, read)
  assert.deepEqual(read, blockFields)

  const out = new Uint8Array(60)
  assert.equal(writeSenderReport(out, 4, report, [read]), 52)
  assert.equal(toHex(out, 4, 56), toHex(c.bytes))
})

test('a receiver report with two blocks, both ways', () => {
  const c = cursorAt(`82 c9 000d 00000007 ${block} ${block}`)
  assert.equal(receiverReportSsrc(c), 7)
  assert.equal(reportBlockCount(c), 2)
  const read = newReportBlock()
  readReportBlock(c, 1, read)
  assert.deepEqual(read, blockFields)
  const out = new Uint8Array(56)
  assert.equal(writeReceiverReport(out, 0, 7, [read, read, read], 2), 56)
  assert.equal(toHex(out), toHex(c.bytes))
})

test('an empty receiver report', () => {
  const out = new Uint8Array(8)
  assert.equal(writeReceiverReport(out, 0, 1), 8)
  assert.equal(toHex(out), '80c9000100000001')
})

test('counts that reach past the body give nothing', () => {
  const sr = cursorAt(`9f ${srHead.slice(2)} ${block}`)
  assert.equal(readSenderReport(sr, newSenderReport()), false)
  assert.equal(reportBlockCount(sr), 0)
  const rr = cursorAt(`82 c9 0007 00000007 ${block}`)
  assert.equal(receiverReportSsrc(rr), -1)
  assert.equal(reportBlockCount(rr), 0)
  assert.equal(receiverReportSsrc(cursorAt('80c90000')), -1)
  assert.equal(readSenderReport(cursorAt('80c80001 00000001'), newSenderReport()), false)
  assert.equal(reportBlockCount(cursorAt('81ce0002 00000001 00000002')), 0)
})

test('what a block cannot say is clamped, what does not fit throws', () => {
  const out = new Uint8Array(32)
  writeReceiverReport(out, 0, 1, [{ ...blockFields, cumulativeLost: 1e9 }])
  assert.equal(toHex(out, 13, 16), '7fffff')
  writeReceiverReport(out, 0, 1, [{ ...blockFields, cumulativeLost: -1e9 }])
  assert.equal(toHex(out, 13, 16), '800000')
  assert.throws(() => writeReceiverReport(out, 1, 1, [blockFields]), RangeError)
  assert.throws(() => writeReceiverReport(new Uint8Array(2000), 0, 1, new Array(32).fill(blockFields)), RangeError)
})
