import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_HOLES, NackGenerator, newNackResult, REORDER_MS } from './nack-generator.js'

const seqs = new Uint16Array(MAX_HOLES)

function take(nacks: NackGenerator, nowMs: number): { asked: number[]; givenUp: number; needKeyframe: number } {
  const result = newNackResult()
  nacks.take(nowMs, seqs, result)
  return { ...result, asked: [...seqs.subarray(0, result.asked)] }
}

test('nack generator: nothing missing, nothing to do', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual(take(nacks, 1000), { asked: [], givenUp: 0, needKeyframe: 0 })
  assert.equal(nacks.received(5, 0), false)
})

test('nack generator: a hole is asked for after the reorder time, again after 100 ms', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.missing(65_534, 65_537, 100), true)
  assert.equal(nacks.deadlineMs, 105)
  assert.deepEqual(take(nacks, 104).asked, [])
  assert.deepEqual(take(nacks, 105).asked, [65_534, 65_535, 0])
  assert.equal(nacks.deadlineMs, 205)
  assert.deepEqual(take(nacks, 204).asked, [])
  assert.deepEqual(take(nacks, 205).asked, [65_534, 65_535, 0])
})

test('nack generator: reordering is never asked for', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 11, 0)
  assert.equal(nacks.received(10, 3), true)
  assert.equal(nacks.received(10, 4), false)
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual(take(nacks, 1000).asked, [])
})

test('nack generator: what came is left out, the others keep their order', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 14, 0)
  nacks.missing(20, 22, 0)
  nacks.received(11, 1)
  nacks.received(20, 1)
  assert.deepEqual(take(nacks, 5).asked, [10, 12, 13, 21])
  assert.deepEqual(take(nacks, 105).asked, [10, 12, 13, 21])
})

/** A publisher `rttMs` away that answers every request but those that `loses` says. */
function over(rttMs: number, loses: (n: number) => boolean, holes: number): { asks: number; nacks: NackGenerator } {
  const nacks = new NackGenerator()
  const answers: { atMs: number; extSeq: number }[] = []
  let asks = 0
  let extSeq = 0
  for (let nowMs = 0; nowMs < holes * 200 + 5000; nowMs++) {
    if (nowMs % 200 === 0 && extSeq < holes) nacks.missing(extSeq, ++extSeq, nowMs)
    while (answers[0] && answers[0].atMs <= nowMs) nacks.received(answers.shift()!.extSeq, nowMs)
    for (const asked of take(nacks, nowMs).asked) {
      if (!loses(asks++)) answers.push({ atMs: nowMs + rttMs, extSeq: asked })
    }
  }
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
  return { asks, nacks }
}

for (const rttMs of [10, 60, 150, 300, 600]) {
  test(`nack generator: a round trip of ${rttMs} ms is measured, and nothing asked for twice in it`, () => {
    const { asks, nacks } = over(rttMs, () => false, 50)
    assert.ok(Math.abs(nacks.rttMs - rttMs) < Math.max(2, rttMs * 0.02), `${nacks.rttMs} ms`)
    // The first ones are asked for with nothing measured.
    assert.ok(asks <= 50 + Math.ceil(rttMs / 100) * Math.ceil(rttMs / 200), `${asks} requests for 50 holes`)
  })
}

test('nack generator: a lost request is repeated after a round trip, and does not look like a longer one', () => {
  const { asks, nacks } = over(80, (n) => n % 5 === 1, 50)
  assert.ok(nacks.rttMs === 80, `${nacks.rttMs} ms`)
  assert.ok(asks >= 50 && asks <= 65, `${asks}`)
})

test('nack generator: a round trip that grew is noticed', () => {
  const nacks = new NackGenerator()
  nacks.missing(0, 1, 0)
  take(nacks, 5)
  nacks.received(0, 25)
  assert.equal(nacks.rttMs, 20)
  let asks = 0
  for (let hole = 1; hole <= 40; hole++) {
    const beginMs = hole * 1000
    nacks.missing(hole, hole + 1, beginMs)
    asks = 0
    for (let nowMs = beginMs; nowMs < beginMs + 305; nowMs++) asks += take(nacks, nowMs).asked.length
    nacks.received(hole, beginMs + 305)
  }
  assert.ok(nacks.rttMs > 299 && nacks.rttMs < 301, `${nacks.rttMs} ms`)
  assert.equal(asks, 1)
})

/** Leaves one hole unanswered. @returns when it was given up, and how often it was asked for until then */
function unanswered(nacks: NackGenerator, extSeq: number, beginMs: number) {
  nacks.missing(extSeq, extSeq + 1, beginMs)
  let tries = 0
  for (let nowMs = beginMs; nowMs < beginMs + 10_000; nowMs++) {
    const result = take(nacks, nowMs)
    tries += result.asked.length
    if (result.givenUp > 0) return { afterMs: nowMs - beginMs, tries, needKeyframe: result.needKeyframe }
  }
  throw new Error('never given up')
}

test('nack generator: at most ten tries, then the hole is given up once', () => {
  const nacks = new NackGenerator()
  nacks.missing(1, 2, 0)
  take(nacks, 5)
  nacks.received(1, 10)
  const { afterMs, tries, needKeyframe } = unanswered(nacks, 7, 1000)
  assert.equal(tries, 10)
  assert.equal(needKeyframe, 1)
  assert.ok(afterMs <= 1000, `${afterMs} ms`)
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
})

test('nack generator: age ends it: a second, or a few round trips over a long path', () => {
  const unknown = unanswered(new NackGenerator(), 7, 0)
  assert.ok(unknown.afterMs >= 1000 && unknown.afterMs <= 1100, `${unknown.afterMs} ms`)
  const nacks = new NackGenerator()
  nacks.missing(1, 2, 0)
  take(nacks, 5)
  nacks.received(1, 605)
  const far = unanswered(nacks, 7, 1000)
  assert.ok(far.afterMs >= 2400 && far.afterMs <= 2500, `${far.afterMs} ms`)
  assert.ok(far.tries >= 3 && far.tries <= 4, `${far.tries} tries`)
})

test('nack generator: packets that overtake each other are waited for, as long as it takes on this path', () => {
  const nacks = new NackGenerator()
  let asked = 0
  let extSeq = 0
  const play = (lateMs: number, holes: number) => {
    for (let i = 0; i < holes; i++) {
      const beginMs = extSeq * 100
      nacks.missing(extSeq, ++extSeq, beginMs)
      for (let nowMs = beginMs; nowMs <= beginMs + lateMs; nowMs++) asked += take(nacks, nowMs).asked.length
      nacks.received(extSeq - 1, beginMs + lateMs, true)
    }
  }
  /** How long the next hole is waited for. */
  const waitMs = () => {
    nacks.missing(extSeq, ++extSeq, 0)
    const dueMs = nacks.deadlineMs
    nacks.reset()
    return dueMs
  }
  play(25, 20)
  assert.equal(asked, 1, 'only the first one')
  const longMs = waitMs()
  assert.ok(longMs >= 25 && longMs < 30, `${longMs} ms`)
  play(2, 300)
  const shortMs = waitMs()
  assert.ok(shortMs < REORDER_MS + 1, `${shortMs} ms after it became better`)
  play(90, 5)
  assert.ok(waitMs() <= 60, 'and not for ever')
})

test('nack generator: what was lost before a keyframe is asked for once, and needs no other keyframe', () => {
  const nacks = new NackGenerator()
  nacks.missing(10, 12, 0)
  assert.deepEqual(take(nacks, 5).asked, [10, 11])
  nacks.keyframe(20)
  nacks.keyframe(15)
  nacks.missing(18, 19, 8)
  nacks.missing(21, 22, 8)
  assert.deepEqual(take(nacks, 13).asked, [18, 21])
  assert.deepEqual(take(nacks, 105), { asked: [], givenUp: 2, needKeyframe: 0 })
  assert.deepEqual(take(nacks, 113), { asked: [21], givenUp: 1, needKeyframe: 0 })
  assert.equal(nacks.received(21, 114), true)
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
})

test('nack generator: too many holes are forgotten together', () => {
  const nacks = new NackGenerator()
  assert.equal(nacks.missing(0, MAX_HOLES, 0), true)
  assert.equal(nacks.missing(500, 501, 0), false)
  assert.equal(nacks.deadlineMs, Number.POSITIVE_INFINITY)
  assert.equal(nacks.missing(1000, 1000 + MAX_HOLES + 1, 0), false)
  assert.equal(nacks.missing(5000, 2 ** 40, 0), false)
  assert.deepEqual(take(nacks, 100).asked, [])
})

test('nack generator: whoever asks through another worker goes on asking, as long as that one may', () => {
  for (const patient of [false, true]) {
    const nacks = new NackGenerator(patient)
    nacks.missing(0, 1, 0)
    nacks.received(0, take(nacks, 5).asked.length)
    nacks.missing(10, 11, 1000)
    let lastMs = 0
    let givenUpMs = 0
    for (let nowMs = 1000; nowMs < 6000; nowMs++) {
      const { asked, givenUp, needKeyframe } = take(nacks, nowMs)
      if (asked.length > 0) lastMs = nowMs
      if (givenUp === 0) continue
      givenUpMs = nowMs
      assert.equal(needKeyframe, 1)
    }
    if (patient) assert.deepEqual([givenUpMs, lastMs > 3000], [4000, true])
    else assert.ok(givenUpMs < 2100, `${givenUpMs}`)
  }
})
