import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor } from './cursor.js'
import { dlrrCount, firstXrBlock, newXrCursor, nextXrBlock, readDlrr, receiverReferenceTime, writeDlrr } from './xr.js'

function blocks(text: string): string[] {
  const bytes = hex(text)
  const c = newRtcpCursor()
  assert.ok(firstRtcp(c, bytes, 0, bytes.length))
  const x = newXrCursor()
  const dlrr = { ssrc: 0, lastRr: 0, delaySinceLastRr: 0 }
  const found: string[] = []
  for (let ok = firstXrBlock(x, c); ok; ok = nextXrBlock(x, c)) {
    let line = `${x.senderSsrc}: ${x.blockType} ${x.contentsLength}`
    if (receiverReferenceTime(x, c) >= 0) line += ` rrt ${receiverReferenceTime(x, c).toString(16)}`
    for (let i = 0; i < dlrrCount(x); i++) {
      readDlrr(x, c, i, dlrr)
      line += ` dlrr ${dlrr.ssrc} ${dlrr.lastRr.toString(16)} ${dlrr.delaySinceLastRr}`
    }
    found.push(line)
  }
  return found
}

test('XR blocks', () => {
  const cases: [what: string, text: string, ...found: string[]][] = [
    [
      'reference time, an unknown block, DLRR',
      '80cf000a 00000001 04000002 db5f6c83 80000000 2a000001 ffffffff 05000003 00000007 6c838000 00008000',
      '1: 4 8 rrt 6c838000',
      '1: 42 4',
      '1: 5 12 dlrr 7 6c838000 32768',
    ],
    ['a reference time too short', '80cf0003 00000001 04000001 db5f6c83', '1: 4 4'],
    ['DLRR with half a sub-block', '80cf0003 00000001 05000001 00000007', '1: 5 4'],
    ['a block past the packet', '80cf0003 00000001 04000002 db5f6c83'],
    ['the longest block', '80cf0002 00000001 0500ffff'],
    ['an empty block', '80cf0002 00000001 05000000', '1: 5 0'],
    ['no SSRC', '80cf0000'],
    ['no XR', '80c90002 00000001 05000000'],
  ]
  for (const [what, text, ...found] of cases) assert.deepEqual(blocks(text), found, what)
})

test('DLRR is written as it is read', () => {
  const out = new Uint8Array(24)
  assert.equal(writeDlrr(out, 0, 1, { ssrc: 7, lastRr: 0x6c838000, delaySinceLastRr: 3 }), 24)
  assert.deepEqual(blocks(toHex(out)), ['1: 5 12 dlrr 7 6c838000 3'])
})
