import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { newVp8View, newVp9View, readVp8, readVp9, rewriteVp8Descriptor, type Vp8View, type Vp9View } from './index.js'

function vp8(text: string): Vp8View | undefined {
  const bytes = hex(`ffff ${text}`)
  const view = newVp8View()
  return readVp8(bytes, 2, bytes.length - 2, view) ? view : undefined
}

test('VP8: each field and its absence', () => {
  const absent = { ...newVp8View(), startOfFrame: true }
  const cases: [what: string, text: string, fields: Partial<Vp8View>][] = [
    ['minimal', '10 50 0200 9d012a', { descriptorLength: 1, keyframe: true }],
    ['a key frame without start code is encrypted', '10 50 0200 9d012b', { descriptorLength: 1 }],
    ['and one without a header is none', '10 50 0200 9d01', { descriptorLength: 1 }],
    ['N', '30 51', { descriptorLength: 1 }],
    ['X without anything', '90 00 51', { descriptorLength: 2 }],
    ['picture id of 7 bits', '90 80 7f 51', { descriptorLength: 3, pictureId: 127, pictureIdBits: 7 }],
    ['picture id of 15 bits', '90 80 ffff 51', { descriptorLength: 4, pictureId: 32767, pictureIdBits: 15 }],
    ['TL0PICIDX alone', '90 40 ff 51', { descriptorLength: 3, tl0PicIdx: 255 }],
    ['TID and layer sync', '90 20 a0 51', { descriptorLength: 3, tid: 2, layerSync: true }],
    ['KEYIDX alone: T bits say nothing', '90 10 bf 51', { descriptorLength: 3, keyIdx: 31 }],
    [
      'all',
      //X  ILTK id   TL0 TID|Y|KEYIDX
      '90 f0   8123 07  65 50 0200 9d012a',
      {
        descriptorLength: 6,
        pictureId: 0x123,
        pictureIdBits: 15,
        tl0PicIdx: 7,
        tid: 1,
        layerSync: true,
        keyIdx: 5,
        keyframe: true,
      },
    ],
  ]
  for (const [what, text, fields] of cases) assert.deepEqual(vp8(text), { ...absent, ...fields }, what)
})

test('H-13 VP8: truncated at every byte', () => {
  const whole = '90f08123076550'
  for (let length = 0; length < whole.length; length += 2) {
    assert.equal(vp8(whole.slice(0, length)), undefined, `${length / 2}`)
  }
})

test('VP8: a rewritten descriptor keeps its shape', () => {
  const cases: [text: string, pictureId: number, tl0PicIdx: number, rewritten: string][] = [
    ['90f081230765 50', 0x7ffe, 256 + 9, '90f0fffe0965'],
    ['90f081230765 50', 0x8001, 1, '90f080010165'],
    ['90807f 50', 0x85, 9, '908005'],
    ['9060ff20 50', 5, 6, '90600620'],
    ['9080ffff 50', 0, 6, '90808000'],
    ['10 50', 5, 6, '10'],
    ['9000 50', 5, 6, '9000'],
  ]
  for (const [text, pictureId, tl0PicIdx, rewritten] of cases) {
    const bytes = hex(text)
    const view = newVp8View()
    assert.ok(readVp8(bytes, 0, bytes.length, view))
    const out = new Uint8Array(10).fill(0xee)
    const length = rewriteVp8Descriptor(bytes, 0, view, out, 2, pictureId, tl0PicIdx)
    assert.equal(toHex(out), `eeee${rewritten}`.padEnd(20, 'e'), text)
    assert.equal(length, view.descriptorLength)
  }
})

function vp9(text: string): Vp9View | undefined {
  const bytes = hex(`ffff ${text}`)
  const view = newVp9View()
  return readVp9(bytes, 2, bytes.length - 2, view) ? view : undefined
}

test('VP9: each field and its absence', () => {
  const absent = newVp9View()
  const cases: [what: string, text: string, fields: Partial<Vp9View>][] = [
    ['minimal', '00 a3', { descriptorLength: 1 }],
    ['B, E, Z', '0d a3', { descriptorLength: 1, startOfFrame: true, endOfFrame: true, keyframe: true }],
    ['picture id of 7 bits', '80 05 a3', { descriptorLength: 2, pictureId: 5, pictureIdBits: 7 }],
    ['picture id of 15 bits', '80 8123 a3', { descriptorLength: 3, pictureId: 0x123, pictureIdBits: 15 }],
    [
      'layers, not flexible',
      //  TID|U|SID|D TL0
      '20 57          09 a3',
      { descriptorLength: 3, tid: 2, switchingUp: true, sid: 3, tl0PicIdx: 9 },
    ],
    ['layers, flexible', '30 57 a3', { descriptorLength: 2, flexible: true, tid: 2, switchingUp: true, sid: 3 }],
    ['references, flexible', '50 03 05 04 a3', { descriptorLength: 4, flexible: true, interPredicted: true }],
    ['three references at most', '50 03 05 07 a3', { descriptorLength: 4, flexible: true, interPredicted: true }],
    ['predicted, not flexible', '40 03', { descriptorLength: 1, interPredicted: true }],
    [
      'structure with sizes and pictures',
      //  N_S 1,Y,G sizes              N_G T|U|R …
      '02 38        014000b4 02800168 02  0401 280102 a3',
      { descriptorLength: 16, spatialLayers: 2, structureOffset: 3 },
    ],
  ]
  for (const [what, text, fields] of cases) assert.deepEqual(vp9(text), { ...absent, ...fields }, what)
})

test('H-13 VP9: truncated at every byte', () => {
  for (const text of [
    'f6 8123 57 090304 38 02800168 014000b4 02 0401 080102 a3',
    'aa 8123 00 09 38 014000b4 02800168 02 0401 280102 a3',
  ]) {
    const whole = text.replaceAll(' ', '')
    const full = vp9(whole)
    assert.ok(full, text)
    for (let length = 0; length <= full.descriptorLength; length++) {
      assert.equal(vp9(whole.slice(0, length * 2)), undefined, `${text}: ${length}`)
    }
  }
})
