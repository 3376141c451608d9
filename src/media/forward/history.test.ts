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

test('history: a slow stream stays small, and one that never comes takes nothing', () => {
  const history = new History(256, 1 << 20)
  assert.equal(history.bytes.length, 0)
  assert.equal(history.find(65_536), -1)
  const source = new Uint8Array(4096)
  for (let i = 0; i < 500; i++) history.store(65_536 + i, source, 0, 120, 12, 0, i * 20)
  assert.equal(history.bytes.length, 8 * 1024)
})

/** Sends packets of `bytes` each, evenly, and looks after each that all of the last second are there. */
function play(history: History, from: number, rateBps: number, bytes: number, beginMs: number, ms: number): number {
  const source = new Uint8Array(4096)
  const intervalMs = (bytes * 8000) / rateBps
  const count = Math.ceil(ms / intervalMs)
  for (let i = 0; i < count; i++) {
    const nowMs = beginMs + i * intervalMs
    fill(source, i % 4, bytes, from + i)
    history.store(from + i, source, i % 4, bytes, 12, 0, nowMs)
    const oldest = Math.max(from, from + i - Math.ceil(1000 / intervalMs) + 1)
    for (const extSeq of [oldest, oldest + 1, from + i]) {
      if (extSeq <= from + i) assert.ok(check(history, extSeq, bytes), `packet ${extSeq - from} when ${i} came`)
    }
  }
  return from + count
}

test('history: a second is kept at any rate and size of packets', () => {
  for (const rateBps of [8_000, 30_000, 300_000, 2_500_000, 10_000_000]) {
    for (const bytes of [40, 200, 1200, 1500]) {
      const history = new History(1 << 15, 1 << 22)
      play(history, 65_536, rateBps, bytes, 5000, Math.max(3000, (bytes * 8000 * 20) / rateBps))
      const perSecond = rateBps / 8
      assert.ok(history.bytes.length <= Math.max(8192, 4 * perSecond + 8 * bytes), `${history.bytes.length} bytes`)
    }
  }
})

test('history: a burst after a slow time loses nothing young', () => {
  const history = new History(1 << 12, 1 << 22)
  let next = play(history, 65_536, 60_000, 1000, 0, 3000)
  next = play(history, next, 20_000_000, 1200, 3000, 500)
  play(history, next, 60_000, 1000, 3500, 900)
})

test('history: the bounds hold, and what they leave is right', () => {
  const history = new History(1024, 64 * 1024)
  const source = new Uint8Array(4096)
  for (let i = 0; i < 5000; i++) {
    fill(source, 0, 900, 65_536 + i)
    history.store(65_536 + i, source, 0, 900, 12, 0, i / 10)
    assert.equal(check(history, 65_536 + i, 900), true)
  }
  assert.equal(history.bytes.length, 64 * 1024)
  assert.equal(history.window, 1024)
  let kept = 0
  for (let i = 0; i < 5000; i++) if (check(history, 65_536 + i, 900)) kept++
  assert.ok(kept >= 70 && kept <= 73, `${kept} packets`)
})

test('history: shrinks when a stream has become slow, and keeps what is young', () => {
  const history = new History(4096, 1 << 22)
  const next = play(history, 65_536, 4_000_000, 1200, 0, 3000)
  const large = history.bytes.length
  assert.ok(large >= 500_000)
  play(history, next, 100_000, 1000, 3000, 400_000)
  assert.ok(history.bytes.length <= 64 * 1024, `${history.bytes.length} of ${large} bytes`)
})

test('history: a stream that rests gives its bytes back and knows what came', () => {
  const history = new History(1024, 1 << 20)
  const next = play(history, 65_536, 1_000_000, 1000, 0, 1000)
  history.rest()
  assert.equal(history.bytes.length, 0)
  assert.equal(history.find(next - 1), -1)
  assert.equal(history.received(next - 1), true)
  play(history, next, 1_000_000, 1000, 9000, 1000)
})

test('history: over a long path more than a second is kept', () => {
  const history = new History(1 << 13, 1 << 22)
  history.keepFor(500)
  const source = new Uint8Array(4096)
  for (let i = 0; i < 1500; i++) {
    fill(source, 0, 500, 65_536 + i)
    history.store(65_536 + i, source, 0, 500, 12, 0, i * 4)
    if (i >= 624) assert.ok(check(history, 65_536 + i - 624, 500))
  }
})

test('history: a source whose bytes are not aligned is copied too', () => {
  const history = new History(64, 1 << 16)
  const source = new Uint8Array(new ArrayBuffer(5000), 3, 4000)
  fill(source, 8, 500, 65_600)
  history.store(65_600, source, 8, 500, 12, 0, 0)
  assert.ok(check(history, 65_600, 500))
})

test('history: a number that was only noted came, cannot be found, and takes no bytes', () => {
  const history = new History(1024, 1 << 20)
  for (let i = 0; i < 3000; i++) history.note(65_536 + i, i)
  assert.equal(history.received(65_536 + 2999), true)
  assert.equal(history.received(65_536 + 3000), false)
  assert.equal(history.find(65_536 + 2999), -1)
  assert.equal(history.bytes.length, 0)
  const next = play(history, 65_536 + 3000, 1_000_000, 1000, 3000, 2000)
  history.note(next, 5000)
  assert.equal(history.find(next), -1)
  assert.ok(check(history, next - 1, 1000))
})
