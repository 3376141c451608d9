import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../../../test/support/hex.js'
import { firstRtcp, newRtcpCursor, nextRtcp, RtcpFault } from './cursor.js'

function walk(text: string) {
  const packet = hex(text)
  const bytes = new Uint8Array(packet.length + 40).fill(0x81)
  bytes.set(packet, 3)
  const c = newRtcpCursor()
  const packets: string[] = []
  for (let ok = firstRtcp(c, bytes, 3, packet.length); ok; ok = nextRtcp(c)) {
    packets.push(`${c.type}/${c.count} ${c.bodyOffset - 3}+${c.bodyLength}`)
  }
  assert.equal(nextRtcp(c), false, 'an ended walk stays ended')
  return { packets, fault: Object.keys(RtcpFault)[c.fault] }
}

const rr = '80c90001 00000001'
const pli = '81ce0002 00000001 00000002'
const cases: [what: string, text: string, fault: string, ...packets: string[]][] = [
  ['RR and PLI', `${rr} ${pli}`, 'none', '201/0 4+4', '206/1 12+8'],
  ['reduced size: PLI alone (RFC 5506)', pli, 'none', '206/1 4+8'],
  ['a type that nobody knows', `80 fe0001 00000000 ${pli}`, 'none', '254/0 4+4', '206/1 12+8'],
  ['a header without body', '80cb0000', 'none', '203/0 4+0'],
  ['padding on the last packet', `${rr} a1ce0003 00000001 00000002 00000004`, 'none', '201/0 4+4', '206/1 12+8'],
  ['nothing but padding as body', 'a0cb0001 00000004', 'none', '203/0 4+0'],
  ['nothing', '', 'short'],
  ['three bytes', '80c900', 'short'],
  ['three bytes behind a packet', `${rr} 80c900`, 'short', '201/0 4+4'],
  ['version 0', '00c90001 00000001', 'version'],
  ['version 3 behind a packet', `${rr} c0c90000`, 'version', '201/0 4+4'],
  ['one word too long', '80c90002 00000001', 'length'],
  ['longest length', '80c9ffff 00000001', 'length'],
  [
    'padding before the last packet (libwebrtc)',
    `a0c90002 00000001 00000004 ${pli}`,
    'none',
    '201/0 4+4',
    '206/1 16+8',
  ],
  ['pad count 0', 'a0c90002 00000001 00000000', 'padding'],
  ['pad count 3 (libwebrtc)', 'a0c90002 00000001 00000003', 'none', '201/0 4+5'],
  ['pad count larger than the body', 'a0c90002 00000001 0000000c', 'padding'],
  ['P bit without body', 'a0cb0000', 'padding'],
]
for (const [what, text, fault, ...packets] of cases) {
  test(`${what}: ${fault}`, () => assert.deepEqual(walk(text), { packets, fault }))
}

test('a range outside the array', () => {
  assert.equal(firstRtcp(newRtcpCursor(), hex(rr), 0, 12), false)
})
