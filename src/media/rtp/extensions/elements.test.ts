import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { newRtpView, RtpFault, readRtp } from '../packet.js'
import { elementLength, findElement } from './elements.js'

//            VPX M+PT seq  timestamp ssrc
const head = '90  6f   0001 00000064  deadbeef'

/** Ids found among 1–255, with their bytes. */
function elements(block: string): string[] {
  const packet = hex(`${head} ${block}`)
  const bytes = new Uint8Array(packet.length + 9).fill(0x11)
  bytes.set(packet, 5)
  const view = newRtpView()
  assert.equal(readRtp(bytes, 5, packet.length, view), RtpFault.none)
  const found: string[] = []
  for (let id = 1; id <= 255; id++) {
    const at = findElement(bytes, view, id)
    if (at >= 0) found.push(`${id}=${toHex(bytes, at, at + elementLength(bytes, view, at))}`)
  }
  return found
}

const cases: [what: string, block: string, ...found: string[]][] = [
  //                     0xBEDE len  ID|L data
  ['one element', '       bede  0001 10   97 0000', '1=97'],
  ['two without padding', 'bede 0002 10 97 42 010203 20 aa', '1=97', '2=aa', '4=010203'],
  ['padding between', 'bede 0002 00 10 97 00 00 20 aa 00', '1=97', '2=aa'],
  ['the longest element, 16 bytes', `bede 0005 ef ${'ab'.repeat(16)} 000000`, `14=${'ab'.repeat(16)}`],
  ['a truncated element', 'bede 0001 13 010203'],
  ['a truncated element behind a good one', 'bede 0001 10 97 21 01', '1=97'],
  ['a head as the last byte', 'bede 0001 11 0102 20', '1=0102'],
  ['ID 15 ends the block', 'bede 0002 10 97 f0 aa 20 bb 0000', '1=97'],
  ['ID 0 with a length ends the block', 'bede 0002 10 97 01 aabb 20 cc 00', '1=97'],
  ['the first of two with one id counts', 'bede 0001 10 97 10 98', '1=97'],
  ['only padding', 'bede 0001 00000000'],
  ['an empty block', 'bede 0000'],
  //                      0x1000 len ID length data
  ['two-byte form', '     1000 0002 01 01     97  14 02 0102 00', '1=97', '20=0102'],
  ['two-byte form: an empty element', '1000 0001 ff 00 0000', '255='],
  ['two-byte form: an empty element at the end', '1000 0001 00 00 ff 00', '255='],
  ['two-byte form: application bits', '100f 0001 01 02 aabb', '1=aabb'],
  ['two-byte form: padding is one byte', '1000 0002 00 01 01 97 00 02 01 aa', '1=97', '2=aa'],
  ['two-byte form: ID 15 is one like others', '1000 0001 0f 01 aa 00', '15=aa'],
  ['two-byte form: truncated data', '1000 0001 01 03 aabb'],
  ['two-byte form: truncated head', '1000 0001 01 01 aa 02', '1=aa'],
  ['two-byte form: length 255', '1000 0001 01 ff aabb'],
  ['an unknown profile', 'abac 0001 10970000'],
  ['nearly the two-byte profile', '1010 0001 01010000'],
]
for (const [what, block, ...found] of cases) test(what, () => assert.deepEqual(elements(block), found))

test('a packet without extension has no elements', () => {
  const bytes = hex('80 6f 0001 00000064 deadbeef 1097')
  const view = newRtpView()
  assert.equal(readRtp(bytes, 0, bytes.length, view), RtpFault.none)
  assert.equal(findElement(bytes, view, 1), -1)
})
