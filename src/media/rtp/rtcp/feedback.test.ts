import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor, type RtcpCursor } from './cursor.js'
import { feedbackMedia } from './feedback.js'
import { firCount, firSsrc, writeFir } from './fir.js'
import { isNack, nackCount, readNack, writeNack } from './nack.js'
import { isPli, writePli } from './pli.js'
import { newRemb, readRemb, rembSsrc, writeRemb } from './remb.js'

function cursorAt(text: string | Uint8Array, length?: number): RtcpCursor {
  const bytes = typeof text === 'string' ? hex(text) : text
  const c = newRtcpCursor()
  assert.ok(firstRtcp(c, bytes, 0, length ?? bytes.length))
  return c
}

test('NACK: PIDs and bitmasks across the wrap', () => {
  //                  FMT PT length sender   media    PID  BLP  PID  BLP
  const c = cursorAt('81  cd 0004   00000001 000000ff fffe 8005 0064 0000')
  const seqs = new Uint16Array(32)
  assert.ok(isNack(c))
  assert.equal(feedbackMedia(c), 255)
  assert.equal(nackCount(c), 5)
  assert.equal(readNack(c, seqs), 5)
  assert.deepEqual([...seqs.subarray(0, 5)], [65534, 65535, 1, 14, 100])
})

test('NACK: a full array ends it, an empty one and others give 0', () => {
  const c = cursorAt('81cd0003 00000001 00000002 0000ffff')
  const few = new Uint16Array(4)
  assert.equal(readNack(c, few), 4)
  assert.deepEqual([...few], [0, 1, 2, 3])
  assert.equal(readNack(c, new Uint16Array(100), 3), 3)
  assert.equal(readNack(c, new Uint16Array(100)), 17)
  assert.equal(nackCount(c), 17)
  assert.equal(nackCount(cursorAt('81ce0003 00000001 00000002 00000000')), 0)
  assert.equal(readNack(cursorAt('81cd0002 00000001 00000002'), few), 0)
  assert.equal(readNack(cursorAt('81ce0003 00000001 00000002 00000000'), few), 0)
  assert.equal(readNack(cursorAt('81cd0001 00000001'), few), 0)
})

test('NACK: packing', () => {
  const table: [seqs: number[], entries: string][] = [
    [[7], '0007 0000'],
    [[7, 8, 23], '0007 8001'],
    [[7, 24], '0007 0000 0018 0000'],
    [[65535, 0, 15], 'ffff 8001'],
    [[5, 5, 6], '0005 0001'],
    [[65530, 65540 & 0xffff, 100], 'fffa 0200 0064 0000'],
  ]
  for (const [seqs, entries] of table) {
    const out = new Uint8Array(64)
    const length = writeNack(out, 0, 1, 2, seqs)
    const expected = toHex(hex(entries))
    assert.equal(
      toHex(out, 0, length),
      `81cd${(length / 4 - 1).toString(16).padStart(4, '0')}0000000100000002${expected}`,
    )
  }
})

test('NACK: what is written is read again, and maxLength leaves out the newest', () => {
  const seqs = Uint16Array.from({ length: 300 }, (_, i) => 65000 + i * 7)
  const out = new Uint8Array(1500)
  const back = new Uint16Array(300)
  assert.equal(readNack(cursorAt(out, writeNack(out, 0, 1, 2, seqs)), back), 300)
  assert.deepEqual(back, seqs)
  const length = writeNack(out, 0, 1, 2, seqs, 300, 41)
  assert.equal(length, 40)
  assert.equal(readNack(cursorAt(out, length), back), 21)
  assert.deepEqual(back.subarray(0, 21), seqs.subarray(0, 21))
})

test('PLI, both ways', () => {
  const out = new Uint8Array(12)
  assert.equal(writePli(out, 0, 1, 0xdeadbeef), 12)
  assert.equal(toHex(out), '81ce000200000001deadbeef')
  assert.ok(isPli(cursorAt(out)))
  assert.equal(feedbackMedia(cursorAt(out)), 0xdeadbeef)
  assert.equal(isPli(cursorAt('81ce0001 00000001')), false)
  assert.equal(isPli(cursorAt('81cd0002 00000001 00000002')), false)
})

test('FIR, both ways', () => {
  const out = new Uint8Array(20)
  assert.equal(writeFir(out, 0, 1, 0xdeadbeef, 9), 20)
  //                                  FMT PT length sender  0        SSRC     seq
  assert.equal(toHex(out), toHex(hex('84 ce 0004 00000001 00000000 deadbeef 09000000')))
  const c = cursorAt('84ce0006 00000001 00000000 0000000a 01000000 0000000b 02000000')
  assert.equal(firCount(c), 2)
  assert.equal(firSsrc(c, 1), 11)
  assert.equal(firCount(cursorAt('84ce0003 00000001 00000000 0000000a')), 0)
  assert.equal(firCount(cursorAt('81ce0002 00000001 00000000')), 0)
})

test('REMB as Chromium sends it', () => {
  //                  FMT PT length sender   0        "REMB"   n  exp+mantissa SSRC × 2
  const c = cursorAt('8f  ce 0006   00000001 00000000 52454d42 02 0be7a5       0000000a 0000000b')
  const remb = newRemb()
  assert.ok(readRemb(c, remb))
  assert.deepEqual(remb, { senderSsrc: 1, bitrateBps: 0x3e7a5 * 4, ssrcCount: 2 })
  assert.equal(rembSsrc(c, 1), 11)
})

test('REMB: exact round trip of every exponent', () => {
  const out = new Uint8Array(64)
  const remb = newRemb()
  for (let exponent = 0; exponent < 64; exponent++) {
    for (const mantissa of [0x20000, 0x2aaab, 0x3ffff]) {
      const bitrateBps = mantissa * 2 ** exponent
      assert.ok(readRemb(cursorAt(out, writeRemb(out, 0, 1, bitrateBps, [5])), remb))
      assert.equal(remb.bitrateBps, bitrateBps)
    }
  }
  for (const [bitrateBps, read] of [
    [0, 0],
    [262_143, 262_143],
    [262_145, 262_144],
    [1_000_001, 1_000_000],
    [1e30, 0x3ffff * 2 ** 63],
  ] as const) {
    assert.ok(readRemb(cursorAt(out, writeRemb(out, 0, 1, bitrateBps, [])), remb))
    assert.equal(remb.bitrateBps, read)
  }
})

test('REMB: counts past the buffer and foreign names', () => {
  const remb = newRemb()
  assert.equal(readRemb(cursorAt('8fce0005 00000001 00000000 52454d42 020be7a5 0000000a'), remb), false)
  assert.equal(readRemb(cursorAt('8fce0004 00000001 00000000 52454d42 ff0be7a5'), remb), false)
  assert.equal(readRemb(cursorAt('8fce0003 00000001 00000000 52454d42'), remb), false)
  assert.equal(readRemb(cursorAt('8fce0004 00000001 00000000 52454d43 00000000'), remb), false)
})

test('writers refuse what does not fit', () => {
  const out = new Uint8Array(16)
  assert.throws(() => writePli(out, 5, 1, 2), RangeError)
  assert.throws(() => writeFir(out, 0, 1, 2, 3), RangeError)
  assert.throws(() => writeRemb(out, 0, 1, 2, []), RangeError)
  assert.throws(() => writeRemb(new Uint8Array(2000), 0, 1, 2, new Array(256).fill(1)), RangeError)
})
