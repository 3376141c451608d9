import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, toHex } from '../../../../test/support/hex.js'
import { newRtpView, RtpFault, readRtp } from '../packet.js'
import { elementLength, findElement } from './elements.js'
import { ExtensionWriter } from './writer.js'

const writer = new ExtensionWriter()

function write(elements: [id: number, data: string][]): string {
  const out = new Uint8Array(400).fill(0xee)
  writer.begin(out, 8)
  for (const [id, data] of elements) writer.copy(id, hex(`ffff${data}ff`), 2, data.length / 2)
  const length = writer.end()
  assert.equal(length % 4, 0)
  assert.equal(toHex(out, 0, 8), 'ee'.repeat(8))
  assert.equal(toHex(out, 8 + length, 400).replaceAll('ee', ''), '')
  return toHex(out, 8, 8 + length)
}

const cases: [what: string, elements: [id: number, data: string][], block: string][] = [
  ['nothing', [], ''],
  ['one byte', [[1, '97']], 'bede 0001 10 97 0000'],
  [
    'two elements, no padding',
    [
      [3, '01'],
      [14, '02'],
    ],
    'bede 0001 30 01 e0 02',
  ],
  ['16 bytes stay in the one-byte form', [[2, 'ab'.repeat(16)]], `bede 0005 2f ${'ab'.repeat(16)} 000000`],
  ['17 bytes need the two-byte form', [[2, 'ab'.repeat(17)]], `1000 0005 02 11 ${'ab'.repeat(17)} 00`],
  ['id 15 needs the two-byte form', [[15, 'aa']], '1000 0001 0f 01 aa 00'],
  ['an empty element needs the two-byte form', [[1, '']], '1000 0001 01 00 0000'],
  [
    'elements before the one that needs it are rewritten',
    [
      [1, '97'],
      [2, '010203'],
      [200, 'aabb'],
      [3, 'cc'],
    ],
    '1000 0004 01 01 97 02 03 010203 c8 02 aabb 03 01 cc 00',
  ],
]
for (const [what, elements, block] of cases) test(what, () => assert.equal(write(elements), toHex(hex(block))))

test('element() gives room that the caller fills', () => {
  const out = new Uint8Array(32)
  writer.begin(out, 0)
  out[writer.element(5, 2) + 1] = 0x42
  assert.equal(writer.end(), 8)
  assert.equal(toHex(out, 0, 8), 'bede000151004200')
})

test('what is written is found again', () => {
  const elements: [number, string][] = [
    [1, '30'],
    [4, '0102'],
    [77, 'ab'.repeat(40)],
    [9, ''],
  ]
  const bytes = hex(`90 6f 0001 00000064 deadbeef ${write(elements)} aa`)
  const view = newRtpView()
  assert.equal(readRtp(bytes, 0, bytes.length, view), RtpFault.none)
  assert.equal(view.payloadLength, 1)
  for (const [id, data] of elements) {
    const at = findElement(bytes, view, id)
    assert.equal(toHex(bytes, at, at + elementLength(bytes, view, at)), data)
  }
})

test('ids, lengths and blocks that cannot be', () => {
  writer.begin(new Uint8Array(16), 0)
  for (const [id, length] of [
    [0, 1],
    [256, 1],
    [1, -1],
    [1, 256],
    [1, 13],
  ] as const) {
    assert.throws(() => writer.element(id, length), RangeError, `${id}/${length}`)
  }
})
