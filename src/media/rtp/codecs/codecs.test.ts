import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from '../../../../test/support/hex.js'
import type { CodecName } from '../../control.js'
import { codecs, firstObu, newObuCursor, newRedView, nextObu, type RtpCodecName, readRed } from './index.js'

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const sameNames: Same<RtpCodecName, CodecName> = true

const cases: Record<RtpCodecName, [what: string, payload: string, isKeyframe: boolean][]> = {
  opus: [
    ['empty', '', false],
    ['a frame', '78 0102', true],
  ],
  red: [
    ['primary only', '6f 78 01', true],
    ['one redundant block', 'ef 0f0002 6f aabb 78', true],
    ['an empty primary', '6f', true],
    ['nothing', '', false],
    ['redundant block past the payload', 'ef 0f0004 6f aabb', false],
  ],
  VP8: [
    ['first packet of a key frame', '10 50 0200 9d012a', true],
    ['the bit of a key frame alone, as in encrypted frames', '10 50 0200 000000', false],
    ['first packet of a delta frame', '10 51', false],
    ['later packet', '00 50', false],
    ['first packet of partition 1', '11 50', false],
    ['extended, key frame', '90 e0 8123 07 40 50 0200 9d012a', true],
    ['reserved bit beside S does not matter', '18 50 0200 9d012a', true],
  ],
  VP9: [
    ['first packet of a key picture, with structure', '8b 8123 18 0280 01e0 01 00 a3', true],
    ['delta, not flexible', 'ec 8123 00 07 a3', false],
    ['upper spatial layer of a key picture', 'ac 8123 03 07 a3', false],
    ['lowest spatial layer of a key picture', 'ac 8123 00 07 a3', true],
    ['not the first packet', '84 8123 a3', false],
  ],
  H264: [
    ['SPS', '67 42e01f', true],
    ['PPS', '68 ce3c80', false],
    ['IDR, first slice', '65 88 84', true],
    ['IDR, later slice', '65 40 84', false],
    ['slice, first', '41 9a 00', false],
    ['slice, later', '41 5a 00', false],
    ['SEI', '06 0500', false],
    ['AUD', '09 f0', false],
    ['STAP-A of SPS and PPS', '78 0004 6742e01f 0002 68ce', true],
    ['STAP-A of AUD and first slice', '78 0002 09f0 0003 419a00', false],
    ['STAP-A with a unit past the end', '78 0005 6742e01f', false],
    ['STAP-A with an empty unit', '78 0000 0004 6742e01f', false],
    ['STAP-B of SPS', '79 0001 0002 6742', true],
    ['FU-A, first fragment of an IDR', '7c 85 88 84', true],
    ['FU-A, later fragment of an IDR', '7c 05 88 84', false],
    ['FU-A, last fragment of an IDR', '7c 45 88 84', false],
    ['FU-A, first fragment of a slice', '5c 81 9a', false],
    ['FU-B, first fragment of an IDR', '7d 85 0001 88', true],
    ['FU-A without fragment', '7c 85', false],
    ['type 0', '60 80', false],
    ['type 31', '7f 80', false],
  ],
  AV1: [
    ['new sequence: sequence header, frame', '28 06 0a0b00000004 3200', true],
    ['new sequence, a temporal delimiter first', '28 02 1200 0a0b', true],
    ['sequence header without N', '10 0a0b00', false],
    ['N without sequence header', '18 3200', false],
    ['continuation with N', '98 0a0b00', false],
    ['continuation', '90 3200', false],
    ['W = 0, lengths everywhere', '08 02 0a0b 02 3200', true],
    ['element longer than the payload', '08 7f 0a0b', false],
    ['endless length', '08 ffffffffff', false],
    ['length 0', '08 00 0a0b', false],
  ],
}

for (const [name, table] of Object.entries(cases) as [RtpCodecName, (typeof cases)[RtpCodecName]][]) {
  test(`${name}: keyframes`, () => {
    assert.ok(sameNames)
    for (const [what, text, isKeyframe] of table) {
      const payload = hex(text)
      const bytes = new Uint8Array(payload.length + 20).fill(0x0a)
      bytes.set(payload, 6)
      assert.equal(codecs[name].isKeyframe(bytes, 6, payload.length), isKeyframe, what)
    }
  })
}

test('H-13 every payload truncated at every byte answers, whatever stands behind it', () => {
  for (const [name, table] of Object.entries(cases) as [RtpCodecName, (typeof cases)[RtpCodecName]][]) {
    for (const [what, text] of table) {
      const payload = hex(text)
      for (let length = 0; length <= payload.length; length++) {
        const answers = [0x00, 0xff].map((behind) => {
          const bytes = new Uint8Array(payload.length + 8).fill(behind)
          bytes.set(payload.subarray(0, length))
          return codecs[name].isKeyframe(bytes, 0, length)
        })
        assert.equal(answers[0], answers[1], `${name}, ${what}, ${length} bytes`)
      }
    }
  }
})

test('RED: where the primary block is', () => {
  //                 F|PT  offset+length  F|PT  offset+length  F|PT  blocks
  const bytes = hex('ef    1e0003         ef    0f0002         6f    aaaaaa bbbb 780102')
  const view = newRedView()
  assert.ok(readRed(bytes, 0, bytes.length, view))
  assert.deepEqual(view, { pt: 111, offset: 14, length: 3 })
  assert.equal(readRed(bytes, 0, 13, view), false)
})

test('AV1: elements with and without lengths', () => {
  const list = (text: string) => {
    const bytes = hex(text)
    const c = newObuCursor()
    const found: string[] = []
    for (let ok = firstObu(c, bytes, 0, bytes.length); ok; ok = nextObu(c, bytes)) {
      found.push(`${c.type} ${c.offset}+${c.length}${c.continues ? ' continues' : ''}`)
    }
    return found
  }
  assert.deepEqual(list('a8 02 0a0b 320000'), ['1 2+2 continues', '6 4+3'])
  assert.deepEqual(list('00 02 0a0b 03 320000'), ['1 2+2', '6 5+3'])
  assert.deepEqual(list('30 01 12 01 0a 32'), ['2 2+1', '1 4+1', '6 5+1'])
  assert.deepEqual(list('30 01 12 05 0a 32'), ['2 2+1'])
  assert.deepEqual(list(`10 ${'32'.repeat(200)}`), ['6 1+200'])
  assert.deepEqual(list(`20 8101 ${'32'.repeat(129)} 0a`), ['6 3+129', '1 132+1'])
  assert.deepEqual(list('10'), [])
})
