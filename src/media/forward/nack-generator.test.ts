import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_HOLES, NackGenerator } from './nack-generator.js'

const seqs = new Uint16Array(MAX_HOLES)

function take(nacks: NackGenerator, nowMs: number): { asked: number[]; givenUp: number } {
  const result = { asked: 0, givenUp: 0 }
  nacks.take(nowMs, seqs, result)
  return { asked: [...seqs.subarray(0, result.asked)], givenUp: result.givenUp }
}

test('nack generator: nothing missing, nothing to do', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.deadline(), Number.POSITIVE_INFINITY)
  assert.deepEqual(take(nacks, 1000), { asked: [], givenUp: 0 })
  assert.equal(nacks.received(5, 0), false)
})

test('nack generator: a hole is asked for after the reorder time, again after 40 ms', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.missing(65_534, 65_537, 100), true)
  assert.equal(nacks.deadline(), 105)
  assert.deepEqual(take(nacks, 104).asked, [])
  assert.deepEqual(take(nacks, 105).asked, [65_534, 65_535, 0])
  assert.equal(nacks.deadline(), 145)
  assert.deepEqual(take(nacks, 144).asked, [])
  assert.deepEqual(take(nacks, 145).asked, [65_534, 65_535, 0])
})

test('nack generator: reordering is never asked for', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 11, 0)
  assert.equal(nacks.received(10, 3), true)
  assert.equal(nacks.received(10, 4), false)
  assert.equal(nacks.deadline(), Number.POSITIVE_INFINITY)
  assert.deepEqual(take(nacks, 1000).asked, [])
})

test('nack generator: what came is left out, the others keep their order', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 14, 0)
  nacks.missing(20, 22, 0)
  nacks.received(11, 1)
  nacks.received(20, 1)
  assert.deepEqual(take(nacks, 5).asked, [10, 12, 13, 21])
  assert.equal(nacks.count, 4)
})

test('nack generator: retries follow the measured round trip', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 12, 0)
  take(nacks, 5)
  nacks.received(10, 105)
  assert.equal(nacks.rttMs, 100)
  take(nacks, 105)
  assert.equal(nacks.deadline(), 105 + 125)
  nacks.received(11, 400)
  assert.equal(nacks.rttMs, 100, 'the second try tells nothing')
})

test('nack generator: at most eight tries, then the hole is given up once', () => {
  const nacks = new NackGenerator()
  nacks.missing(7, 8, 0)
  let tries = 0
  let givenUp = 0
  for (let nowMs = 0; nowMs < 2000; nowMs++) {
    const result = take(nacks, nowMs)
    tries += result.asked.length
    givenUp += result.givenUp
    if (result.givenUp > 0) assert.ok(nowMs <= 1000)
  }
  assert.equal(tries, 8)
  assert.equal(givenUp, 1)
  assert.equal(nacks.deadline(), Number.POSITIVE_INFINITY)
})

test('nack generator: over a long round trip age ends it', () => {
  const nacks = new NackGenerator()
  nacks.missing(1, 2, 0)
  take(nacks, 5)
  nacks.received(1, 905)
  nacks.missing(7, 8, 1000)
  let givenUpMs = 0
  for (let nowMs = 1000; nowMs < 4000 && givenUpMs === 0; nowMs += 10) {
    if (take(nacks, nowMs).givenUp > 0) givenUpMs = nowMs
  }
  assert.ok(givenUpMs >= 2000 && givenUpMs <= 2300, `${givenUpMs}`)
})

test('nack generator: too many holes are forgotten together', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.missing(0, MAX_HOLES, 0), true)
  assert.equal(nacks.missing(500, 501, 0), false)
  assert.equal(nacks.count, 0)
  assert.equal(nacks.missing(1000, 1000 + MAX_HOLES + 1, 0), false)
  assert.equal(nacks.missing(5000, 2 ** 40, 0), false)
  assert.deepEqual(take(nacks, 100).asked, [])
})
