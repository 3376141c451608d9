import assert from 'node:assert/strict'
import { test } from 'node:test'
import { History } from './history.js'

/** A fake packet: every byte but the first tells its number. */
function fill(source: Uint8Array, offset: number, length: number, extSeq: number): void {
  for (let i = 0; i < length; i++) source[offset + i] = (extSeq * 31 + i * 7) & 0xff
  source[offset] = 0xb0
}

function check(history: History, extSeq: number, length: number): boolean {
  const slot = history.find(extSeq)
  if (slot < 0) return false
  assert.equal(history.lengthOf(slot), length)
  const expected = new Uint8Array(length)
  fill(expected, 0, length, extSeq)
  expected[0] = 0x90
  const at = history.offsetOf(slot)
  assert.deepEqual(history.bytes.subarray(at, at + length), expected, `packet ${extSeq}`)
  return true
}

const lengthOf = (extSeq: number) => 12 + ((extSeq * 977) % 1200)

test('history: finds what was stored, with everything beside it and without the padding flag', () => {
  const history = new History(64, 1 << 16)
  const source = new Uint8Array(4096)
  fill(source, 1001, 333, 70_000)
  history.store(70_000, source, 1001, 333, 20, 3, 1234)
  assert.ok(check(history, 70_000, 333))
  const slot = history.find(70_000)
  assert.equal(history.headerLengthOf(slot), 20)
  assert.equal(history.codecOf(slot), 3)
  assert.equal(history.arrivedMsOf(slot), 1234)
  assert.equal(history.received(70_000), true)
  for (const other of [69_999, 70_001, 70_064, 69_936, -1]) {
    assert.equal(history.find(other), -1)
    assert.equal(history.received(other), false)
  }
})

test('history: any alignment and length of source, over many rounds, at a fixed size', () => {
  const history = new History(64, 16 * 1024)
  const source = new Uint8Array(8192)
  for (let extSeq = 65_536; extSeq < 66_536; extSeq++) {
    const length = lengthOf(extSeq)
    const offset = (extSeq * 13) % 4096
    fill(source, offset, length, extSeq)
    history.store(extSeq, source, offset, length, 12, 0, 0)
    let found = 0
    for (let older = extSeq; older > extSeq - 30 && older >= 65_536; older--) {
      if (check(history, older, lengthOf(older))) found++
      else assert.equal(history.received(older), true)
    }
    assert.ok(found >= Math.min(9, extSeq - 65_535))
  }
  assert.equal(history.bytes.length, 16 * 1024)
})

test('history: grows while younger packets would be lost, and keeps them across growth', () => {
  const history = new History(1024, 1 << 20)
  const source = new Uint8Array(4096)
  for (let i = 0; i < 500; i++) {
    const extSeq = 65_536 + i
    fill(source, i % 4, lengthOf(extSeq), extSeq)
    history.store(extSeq, source, i % 4, lengthOf(extSeq), 12, 0, i * 2)
    for (let older = extSeq; older >= 65_536; older -= 17) {
      assert.equal(check(history, older, lengthOf(older)), true, `${older} when ${extSeq} came`)
    }
  }
  assert.ok(history.bytes.length >= 256 * 1024)
})

test('history: a slow stream stays small', () => {
  const history = new History(256, 1 << 20)
  const source = new Uint8Array(4096)
  for (let i = 0; i < 500; i++) history.store(65_536 + i, source, 0, 120, 12, 0, i * 20)
  assert.equal(history.bytes.length, 16 * 1024)
})

test('history: a source whose bytes are not aligned is copied too', () => {
  const history = new History(64, 1 << 16)
  const source = new Uint8Array(new ArrayBuffer(5000), 3, 4000)
  fill(source, 8, 500, 65_600)
  history.store(65_600, source, 8, 500, 12, 0, 0)
  assert.ok(check(history, 65_600, 500))
})
