import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seqDelta, timestampDelta, timestampNewer, unwrapSeq } from './sequence.js'

test('seqDelta around the wrap', () => {
  const table: [to: number, from: number, delta: number][] = [
    [1, 0, 1],
    [0, 1, -1],
    [0, 0, 0],
    [0, 65535, 1],
    [65535, 0, -1],
    [32767, 0, 32767],
    [32768, 0, -32768],
    [0, 32768, -32768],
    [32769, 0, -32767],
    [10, 65530, 16],
  ]
  for (const [to, from, delta] of table) assert.equal(seqDelta(to, from), delta, `seqDelta(${to}, ${from})`)
})

test('unwrapSeq goes to the nearest number', () => {
  const table: [last: number, seq: number, ext: number][] = [
    [0, 1, 1],
    [65530, 65535, 65535],
    [65535, 0, 65536],
    [65536, 65535, 65535],
    [65540, 10, 65546],
    [0, 65535, -1],
    [-1, 0, 0],
    [-1, 65534, -2],
    [-65536, 65535, -65537],
    [100, 100 + 32767, 32867],
    [100, 100 + 32768, 100 - 32768],
    [0x12345_fff0, 5, 0x12346_0005],
    [2 ** 48 - 1, 0, 2 ** 48],
    [2 ** 48, 65535, 2 ** 48 - 1],
  ]
  for (const [last, seq, ext] of table) assert.equal(unwrapSeq(last, seq), ext, `unwrapSeq(${last}, ${seq})`)
})

test('a stream that starts at 65,530 keeps its order over three wraps, with reordering', () => {
  let last = 65_530
  const seen: number[] = []
  for (let sent = 65_530; sent < 65_530 + 200_000; sent += 2) {
    for (const ext of [sent + 1, sent]) {
      const unwrapped = unwrapSeq(last, ext % 65_536)
      assert.equal(unwrapped, ext)
      if (unwrapped > last) last = unwrapped
      if (ext % 50_000 === 0) seen.push(unwrapped)
    }
  }
  assert.deepEqual(seen, [100_000, 150_000, 200_000, 250_000])
})

test('timestamps on the 32-bit circle', () => {
  const table: [to: number, from: number, newer: boolean, delta: number][] = [
    [3000, 0, true, 3000],
    [0, 0xffffffff, true, 1],
    [0xffffffff, 0, false, -1],
    [0x7fffffff, 0, true, 0x7fffffff],
    [0x80000000, 0, false, -0x80000000],
    [0x80000001, 0, false, -0x7fffffff],
  ]
  for (const [to, from, newer, delta] of table) {
    assert.equal(timestampNewer(to, from), newer, `timestampNewer(${to}, ${from})`)
    assert.equal(timestampDelta(to, from), delta, `timestampDelta(${to}, ${from})`)
  }
})
