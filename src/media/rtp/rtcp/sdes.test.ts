import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor, RtcpType } from './cursor.js'
import { writeCname } from './sdes.js'

test('CNAME: one chunk of one item, which ends with one to four zeros', () => {
  const cases: [text: string, written: string][] = [
    //    SC PT length SSRC     CNAME len text         end
    ['', '81 ca 0002   01020304 01    00               0000'],
    ['61', '81 ca 0002 01020304 01    01  61           00'],
    ['6162', '81ca0003 01020304 01    02  6162         00000000'],
    ['616263', '81ca0003 01020304 01  03  616263       000000'],
    ['616263646566', '81ca0004 01020304 01 06 616263646566 00000000'],
  ]
  for (const [text, written] of cases) {
    const out = new Uint8Array(40).fill(0xee)
    const length = writeCname(out, 8, 0x01020304, hex(text))
    assert.equal(toHex(out, 8, 8 + length), toHex(hex(written)), text)
    assert.deepEqual([out[7], out[8 + length]], [0xee, 0xee])
  }
})

test('CNAME: every length is one packet of whole words that ends with a zero', () => {
  const c = newRtcpCursor()
  for (let n = 0; n <= 255; n++) {
    const out = new Uint8Array(300).fill(0xee)
    const length = writeCname(out, 0, 1, new Uint8Array(n).fill(0x61))
    assert.ok(firstRtcp(c, out, 0, length))
    assert.deepEqual([c.type, c.count, c.next], [RtcpType.sourceDescription, 1, length])
    assert.equal(out.indexOf(0, 10), 10 + n)
    assert.equal(out[length - 1], 0)
  }
  assert.throws(() => writeCname(new Uint8Array(400), 0, 1, new Uint8Array(256)), RangeError)
  assert.throws(() => writeCname(new Uint8Array(11), 0, 1, new Uint8Array(1)), RangeError)
})
