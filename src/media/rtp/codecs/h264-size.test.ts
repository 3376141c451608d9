import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Sps, sps } from '../../forward/testing/sps.js'
import { readH264Size } from './h264-size.js'

/** Reads with 0xff around it. */
function sizeOf(payload: Uint8Array): string | undefined {
  const size = { width: 1, height: 2 }
  const padded = Uint8Array.from([0xff, 0xff, ...payload, 0xff, 0xff])
  const sound = readH264Size(padded, 2, payload.length, size)
  if (sound) return `${size.width}x${size.height}`
  assert.deepEqual(size, { width: 1, height: 2 })
  return undefined
}

const stapA = (...units: Uint8Array[]) =>
  Uint8Array.from([0x78, ...units.flatMap((unit) => [unit.length >> 8, unit.length & 0xff, ...unit])])

const cases: [name: string, set: Sps, size: string][] = [
  ['whole macroblocks', { columns: 40, rows: 30 }, '640x480'],
  ['cropped', { columns: 80, rows: 45, crop: [0, 0, 0, 0] }, '1280x720'],
  ['cropped at the bottom, in pairs of lines', { columns: 120, rows: 68, crop: [0, 0, 0, 4] }, '1920x1080'],
  ['cropped on all sides', { columns: 14, rows: 26, crop: [1, 11, 3, 5] }, '200x400'],
  ['fields', { columns: 120, rows: 34, fields: true, crop: [0, 0, 0, 2] }, '1920x1080'],
  ['order by a cycle', { columns: 20, rows: 15, orderType: 1, offsets: [-2, 300, 0, 7] }, '320x240'],
  ['order of decoding', { columns: 20, rows: 15, orderType: 2 }, '320x240'],
  ['Baseline does not say what chroma it has', { profile: 66, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '46x46'],
  ['High 4:2:0', { profile: 100, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '46x46'],
  ['without chroma', { profile: 100, chroma: 0, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '47x47'],
  ['4:2:2', { profile: 122, chroma: 2, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '46x47'],
  ['4:4:4', { profile: 244, chroma: 3, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '47x47'],
  ['planes apart', { profile: 244, chroma: 3, separate: true, columns: 3, rows: 3, crop: [1, 0, 1, 0] }, '47x47'],
  [
    'scaling lists: full, ended by a scale of 0, absent',
    {
      ...{ profile: 100, columns: 40, rows: 30 },
      scaling: [new Array(16).fill(1), [-8], null, [100, 148], null, null, new Array(64).fill(2), null],
    },
    '640x480',
  ],
]

test('H264 size: what parameter sets say, alone and in front of others', () => {
  for (const [name, set, size] of cases) {
    const unit = sps(set)
    assert.equal(sizeOf(unit), size, name)
    assert.equal(sizeOf(stapA(Uint8Array.of(0x09, 0xf0), unit, Uint8Array.of(0x68, 1, 2))), size, name)
  }
})

test('H264 size: a 3 behind two zeros is no data', () => {
  const emulated = sps({ profile: 66, columns: 1, rows: 1, orderType: 1, offsets: new Array(9).fill(-(2 ** 24)) })
  assert.ok(Buffer.from(emulated).includes(Buffer.from([0, 0, 3])))
  assert.equal(sizeOf(emulated), '16x16')
})

test('H264 size: what is cut off, too large or nothing at all says nothing', () => {
  const unit = sps({
    profile: 100,
    columns: 120,
    rows: 68,
    crop: [0, 0, 0, 4],
    scaling: [[-8], ...new Array(7).fill(null)],
  })
  for (let length = 0; length < unit.length - 1; length++) assert.equal(sizeOf(unit.subarray(0, length)), undefined)
  const inside = stapA(unit)
  for (let length = 0; length < inside.length; length++) assert.equal(sizeOf(inside.subarray(0, length)), undefined)
  assert.equal(sizeOf(sps({ columns: 2000, rows: 10 })), undefined)
  assert.equal(sizeOf(sps({ columns: 1, rows: 1, crop: [8, 0, 0, 0] })), undefined)
  assert.equal(sizeOf(Uint8Array.from([0x67, ...new Array(200).fill(0)])), undefined)
  assert.equal(sizeOf(Uint8Array.of(0x65, 0x88, 0x84)), undefined)
  assert.equal(sizeOf(Uint8Array.of(0x7c, 0x87, 0x42, 0, 0x1f)), undefined, 'a fragment of one')
})
