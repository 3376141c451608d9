import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameBoundaries } from './frame-boundaries.js'

const TEXT = 0x1
const CONTINUATION = 0x0
const PING = 0x9

/** A frame as a client writes it. @param length of the payload, which is zeros */
function frame(opcode: number, length: number, fin = true): Buffer {
  const head = [(fin ? 0x80 : 0) | opcode]
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  head.push(0x80 | (extended.length === 0 ? length : extended.length === 2 ? 126 : 127))
  return Buffer.concat([Buffer.from(head), extended, Buffer.alloc(4, 0xaa), Buffer.alloc(length)])
}

test('a message ends with its last byte, of whatever length, however it is cut', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
    const bytes = frame(TEXT, length)
    for (const step of [1, 2, 3, 7, 4096]) {
      const boundaries = new FrameBoundaries()
      for (let at = 0; at < bytes.length; at += step) {
        const piece = bytes.subarray(at, at + step)
        const isLast = at + step >= bytes.length
        assert.equal(boundaries.read(piece), isLast, `${length} bytes by ${step}, at ${at}`)
        assert.equal(boundaries.isInside, !isLast)
      }
    }
  }
})

test('a message of many fragments ends with the last, and a ping between them changes nothing', () => {
  const boundaries = new FrameBoundaries()
  assert.equal(boundaries.read(frame(TEXT, 3, false)), false)
  assert.deepEqual([boundaries.isInside, boundaries.fragments], [true, 1])
  assert.equal(boundaries.read(frame(PING, 5)), false)
  assert.equal(boundaries.read(frame(CONTINUATION, 0, false)), false)
  assert.deepEqual([boundaries.isInside, boundaries.fragments], [true, 2])
  assert.equal(boundaries.read(frame(CONTINUATION, 200)), true)
  assert.deepEqual([boundaries.isInside, boundaries.fragments], [false, 0])
})

test('several in one read: it ended, and the next has begun', () => {
  const boundaries = new FrameBoundaries()
  const next = frame(TEXT, 300)
  assert.equal(boundaries.read(Buffer.concat([frame(TEXT, 10), frame(PING, 0), next.subarray(0, 1)])), true)
  assert.equal(boundaries.isInside, true)
  assert.equal(boundaries.read(next.subarray(1, 100)), false)
  assert.equal(boundaries.read(next.subarray(100)), true)
  assert.equal(boundaries.isInside, false)
  assert.equal(boundaries.read(Buffer.alloc(0)), false)
})
