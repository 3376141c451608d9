import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor } from './cursor.js'
import { NOT_RECEIVED, newArrivalFeedback, readArrivalFeedback, writeArrivalFeedback } from './transport-cc.js'

const lost = NOT_RECEIVED

function read(bytes: Uint8Array, length = bytes.length, most = 4096) {
  const c = newRtcpCursor()
  assert.ok(firstRtcp(c, bytes, 0, length))
  const feedback = newArrivalFeedback()
  const arrivals = new Int32Array(most)
  if (!readArrivalFeedback(c, feedback, arrivals)) return undefined
  return { ...feedback, arrivals: [...arrivals.subarray(0, feedback.statusCount)] }
}

test('a run, a vector of 1 bit, a vector of 2 bits', () => {
  // 0x0003 = run of 3 not received; 0xa800 = 1 0 1 0 1 0 0 0 0 0 0 0 0 0 (1 bit each, 14);
  // 0xd820 = 1 2 0 0 … : 11|01 10 00 00 10 00 00 (2 bits each, 7)
  const bytes = hex(`8fcd0008 00000001 00000002 fffe 0018 fffffe 07
    0003 9500 d820
    01 02 03   04 ffff 0100
    00 00`)
  const result = read(bytes)
  assert.ok(result)
  assert.deepEqual(
    { ...result, arrivals: undefined },
    { baseSeq: 0xfffe, statusCount: 24, referenceTime: -2, feedbackCount: 7, arrivals: undefined },
  )
  const vector1 = [lost, 1, lost, 3, lost, 6, ...new Array(8).fill(lost)]
  const vector2 = [10, 9, lost, lost, 265, lost, lost]
  assert.deepEqual(result.arrivals, [lost, lost, lost, ...vector1, ...vector2])
})

test('as Chromium sends it, with 3 bytes of padding', () => {
  const result = read(hex('afcd0006 fa17fa17 44f28c62 79fb 0003 03d277 00 2003 04 00 4b 000003'))
  assert.deepEqual(result, {
    baseSeq: 0x79fb,
    statusCount: 3,
    referenceTime: 0x3d277,
    feedbackCount: 0,
    arrivals: [4, 4, 79],
  })
})

test('malformed feedback is refused', () => {
  const head = '00000001 00000002'
  const cases: [what: string, text: string][] = [
    ['no room for the fixed part', `8fcd0003 ${head} 0000 0001`],
    ['status count 0', `8fcd0005 ${head} 0000 0000 000000 00 2001 0000`],
    ['status count above what the array holds', `8fcd0005 ${head} 0000 ffff 000000 00 1fff 0000`],
    ['no chunks', `8fcd0004 ${head} 0000 0001 000000 00`],
    ['fewer chunks than statuses', `8fcd0005 ${head} 0000 0010 000000 00 0003 0003`],
    ['runs of nothing', `8fcd0005 ${head} 0000 0010 000000 00 0000 0000`],
    ['missing small delta', `8fcd0005 ${head} 0000 0003 000000 00 2003 0101`],
    ['half of a large delta', `8fcd0005 ${head} 0000 0002 000000 00 d800 01ff`],
    ['reserved symbol in a run', `8fcd0005 ${head} 0000 0001 000000 00 6001 0000`],
    ['reserved symbol in a vector', `8fcd0005 ${head} 0000 0001 000000 00 f000 0000`],
    ['another format', `81cd0005 ${head} 0000 0001 000000 00 2001 0100`],
  ]
  for (const [what, text] of cases) assert.equal(read(hex(text)), undefined, what)
})

test('delta −32768 and the widest sums', () => {
  const head = '8fcd0006 00000001 00000002 0000 0002 000000 00'
  assert.deepEqual(read(hex(`${head} e800 8000 8000 0000`))?.arrivals, [-32768, -65536])
})

test('what is written is read again', () => {
  const table: [what: string, arrivals: number[], chunks?: string][] = [
    ['one packet', [5], '2001'],
    ['all small: one run', new Array(20).fill(0).map((_, i) => i * 4), '2014'],
    ['alternating: a vector of 1 bit', [1, lost, 2, lost, 3], 'aa00'],
    ['negative and large', [100, 50, 20_000, 20_001, lost, lost, 40_000, 40_001], 'da422001'],
    ['a long gap', [0, ...new Array(9000).fill(lost), 7].slice(0, 4000)],
  ]
  for (const [what, arrivals, chunks] of table) {
    const out = new Uint8Array(1200)
    const feedback = { baseSeq: 65_530, statusCount: 0, referenceTime: 0x123456, feedbackCount: 255 }
    const length = writeArrivalFeedback(out, 0, 1, 2, feedback, Int32Array.from(arrivals), arrivals.length)
    assert.equal(length % 4, 0, what)
    if (chunks !== undefined) assert.equal(toHex(out, 20, 20 + chunks.length / 2), chunks, what)
    assert.deepEqual(read(out, length), { ...feedback, statusCount: arrivals.length, arrivals }, what)
  }
})

test('a delta that 16 bits cannot say ends the packet', () => {
  const out = new Uint8Array(100)
  const feedback = newArrivalFeedback()
  const arrivals = Int32Array.of(0, lost, 32_767, 65_535, 65_536)
  const length = writeArrivalFeedback(out, 0, 1, 2, feedback, arrivals, 5)
  assert.equal(feedback.statusCount, 3)
  assert.deepEqual(read(out, length)?.arrivals, [0, lost, 32_767])
  assert.equal(writeArrivalFeedback(out, 0, 1, 2, feedback, Int32Array.of(-32_769), 1), 0)
  assert.equal(feedback.statusCount, 0)
})

test('any maxLength holds, and the rest goes on from statusCount', () => {
  const arrivals = Int32Array.from({ length: 600 }, (_, i) => (i % 7 === 3 ? lost : i * (i % 11 === 0 ? -9 : 20)))
  for (let maxLength = 24; maxLength < 300; maxLength += 13) {
    const out = new Uint8Array(1000)
    const feedback = newArrivalFeedback()
    const length = writeArrivalFeedback(out, 0, 1, 2, feedback, arrivals, arrivals.length, maxLength)
    assert.ok(length <= maxLength && feedback.statusCount > 0, `${maxLength}: ${length}`)
    assert.deepEqual(read(out, length)?.arrivals, [...arrivals.subarray(0, feedback.statusCount)])
  }
})
