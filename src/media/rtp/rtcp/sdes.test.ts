import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { byeCount, byeSsrc, writeBye } from './bye.js'
import { firstRtcp, newRtcpCursor } from './cursor.js'
import { firstSdesItem, newSdesCursor, nextSdesItem, writeCname } from './sdes.js'

function cursorAt(bytes: Uint8Array) {
  const c = newRtcpCursor()
  assert.ok(firstRtcp(c, bytes, 0, bytes.length))
  return c
}

function items(text: string): string[] {
  const c = cursorAt(hex(text))
  const s = newSdesCursor()
  const found: string[] = []
  for (let ok = firstSdesItem(s, c); ok; ok = nextSdesItem(s, c)) {
    const value = Buffer.from(c.bytes.subarray(s.textOffset, s.textOffset + s.textLength)).toString()
    found.push(`${s.ssrc}:${s.type}=${value}`)
  }
  return found
}

test('SDES: chunks, items and their zeros', () => {
  const cases: [what: string, text: string, ...found: string[]][] = [
    //                  SC PT length SSRC     CNAME len text   end
    ['one CNAME', '81 ca 0003   00000001 01    02  6162   00000000', '1:1=ab'],
    ['ending on a boundary takes four zeros', '81ca0004 00000001 01 06 616263646566 00000000', '1:1=abcdef'],
    [
      'two chunks, the first with two items',
      '82ca0006 00000001 01 01 61 02 01 62 0000 00000002 01 02 6364 00000000',
      '1:1=a',
      '1:2=b',
      '2:1=cd',
    ],
    ['an empty text', '81ca0002 00000001 01000000', '1:1='],
    ['text one byte past the packet', '81ca0002 00000001 01036162'],
    ['a length of 255', '81ca0002 00000001 01ff6162'],
    ['a type without length', '81ca0002 00000001 01016101', '1:1=a'],
    ['more chunks claimed than there are', '9fca0003 00000001 01016100 00000002', '1:1=a'],
    ['no room for the SSRC', '81ca0000'],
    ['count 0', '80ca0003 00000001 01026162 00000000'],
    ['no SDES', '81cb0001 00000001'],
  ]
  for (const [what, text, ...found] of cases) assert.deepEqual(items(text), found, what)
})

test('CNAME: written lengths are words with at least one zero at the end', () => {
  for (let n = 0; n <= 255; n++) {
    const out = new Uint8Array(300).fill(0xee)
    const length = writeCname(out, 8, 0x01020304, new Uint8Array(n).fill(0x61))
    assert.equal(length % 4, 0)
    assert.equal(out[8 + length - 1], 0)
    assert.equal(out[8 + length], 0xee)
    assert.deepEqual(items(toHex(out, 8, 8 + length)), [`${0x01020304}:1=${'a'.repeat(n)}`])
  }
  assert.throws(() => writeCname(new Uint8Array(400), 0, 1, new Uint8Array(256)), RangeError)
  assert.throws(() => writeCname(new Uint8Array(11), 0, 1, new Uint8Array(1)), RangeError)
})

test('BYE, both ways', () => {
  const out = new Uint8Array(12)
  assert.equal(writeBye(out, 0, [1, 0xdeadbeef]), 12)
  assert.equal(toHex(out), '82cb000200000001deadbeef')
  const c = cursorAt(out)
  assert.equal(byeCount(c), 2)
  assert.equal(byeSsrc(c, 1), 0xdeadbeef)
  assert.equal(byeCount(cursorAt(hex('83cb0002 00000001 00000002'))), 0)
  assert.equal(byeCount(cursorAt(hex('81ca0001 00000001'))), 0)
  //                                     SSRC     length "left"
  assert.equal(byeCount(cursorAt(hex('81cb0003 00000001 046c6566 74000000'))), 1)
})
