import assert from 'node:assert/strict'
import * as r from '../src/media/rtp/rtcp/index.js'

const seqs = new Uint16Array(8192)
const arrivals = new Int32Array(2048)
const again = new Int32Array(2048)
const out = new Uint8Array(4096)

/**
 * Compound RTCP: the walk ends, each packet lies inside the bytes, and every reader answers for every packet.
 * What a reader of NACK, REMB or transport feedback took in comes back from the writer.
 */
export function fuzz(bytes: Uint8Array): void {
  const c = r.newRtcpCursor()
  let end = 0
  for (let ok = r.firstRtcp(c, bytes, 0, bytes.length); ok; ok = r.nextRtcp(c)) {
    assert.equal(c.bodyOffset, end + 4)
    assert.ok(c.bodyLength >= 0 && c.bodyOffset + c.bodyLength <= c.next && c.next <= bytes.length)
    end = c.next
    reports(c)
    requests(c)
    nack(c)
    remb(c)
    arrivalFeedback(c)
  }
  assert.ok(Object.values<number>(r.RtcpFault).includes(c.fault))
  if (c.fault === r.RtcpFault.none) assert.equal(end, bytes.length)
}

const inside = (c: r.RtcpCursor, offset: number, length: number) =>
  assert.ok(offset >= c.bodyOffset && offset + length <= c.bodyOffset + c.bodyLength, `${offset} + ${length}`)

function reports(c: r.RtcpCursor): void {
  const block = r.newReportBlock()
  const count = r.reportBlockCount(c)
  assert.ok(count <= r.MAX_REPORT_BLOCKS && count * r.REPORT_BLOCK_BYTES <= c.bodyLength)
  for (let i = 0; i < count; i++) {
    r.readReportBlock(c, i, block)
    assert.ok(Object.values(block).every(Number.isSafeInteger))
  }
  if (r.readSenderReport(c, r.newSenderReport())) assert.equal(count, c.count)
  if (r.receiverReportSsrc(c) >= 0) assert.equal(count, c.count)
}

function requests(c: r.RtcpCursor): void {
  if (r.firCount(c) > 0) inside(c, c.bodyOffset + 8, r.firCount(c) * 8)
  for (let i = 0; i < r.firCount(c); i++) assert.ok(r.firSsrc(c, i) >= 0)
  if (r.isPli(c)) inside(c, c.bodyOffset, 8)
}

function nack(c: r.RtcpCursor): void {
  const count = r.readNack(c, seqs)
  if (count === 0) return
  assert.ok(count <= ((c.bodyLength - 8) / 4) * 17)
  const asked = new Set(seqs.subarray(0, count))
  const length = r.writeNack(out, 0, 1, 2, seqs, count)
  const back = r.newRtcpCursor()
  assert.ok(r.firstRtcp(back, out, 0, length))
  const repeated = new Uint16Array(8192)
  assert.deepEqual(new Set(repeated.subarray(0, r.readNack(back, repeated))), asked)
}

function remb(c: r.RtcpCursor): void {
  const read = r.newRemb()
  if (!r.readRemb(c, read)) return
  const ssrcs = Array.from({ length: read.ssrcCount }, (_, i) => r.rembSsrc(c, i))
  const length = r.writeRemb(out, 0, read.senderSsrc, read.bitrateBps, ssrcs)
  const back = r.newRtcpCursor()
  assert.ok(r.firstRtcp(back, out, 0, length))
  const repeated = r.newRemb()
  assert.ok(r.readRemb(back, repeated))
  assert.deepEqual(repeated, read)
}

function arrivalFeedback(c: r.RtcpCursor): void {
  const read = r.newArrivalFeedback()
  if (!r.readArrivalFeedback(c, read, arrivals)) return
  const written = { ...read }
  const length = r.writeArrivalFeedback(out, 0, 1, 2, written, arrivals, read.statusCount, 1500)
  if (length === 0) return
  const back = r.newRtcpCursor()
  assert.ok(r.firstRtcp(back, out, 0, length))
  const repeated = r.newArrivalFeedback()
  assert.ok(r.readArrivalFeedback(back, repeated, again))
  assert.deepEqual(repeated, written)
  assert.deepEqual(again.subarray(0, repeated.statusCount), arrivals.subarray(0, repeated.statusCount))
}
