import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator, Allotment, type Step, wantedBps } from './allocation.js'

const step = (spatial: number, rateBps: number): Step => ({ spatial, temporal: 0, rateBps })
const three = [step(0, 100_000), step(1, 300_000), step(2, 1_000_000)]

function stage(count: number, ladder: readonly Step[] = three) {
  const allocator = new Allocator()
  const allotments = Array.from({ length: count }, () => {
    const allotment = new Allotment()
    allotment.ladder = ladder
    return allotment
  })
  const allocate = (
    bps: number,
    nowMs: number,
    budget: { limited?: boolean; calm?: boolean; tries?: boolean } = {},
  ) => {
    allocator.allocate(allotments, { bps, limited: true, calm: false, tries: false, ...budget }, nowMs)
    return allotments.map(({ level }) => level)
  }
  return { allotments, allocate }
}

/** What so many streams of three layers get of a budget, after it was there for a while. */
const shares: [streams: number, bps: number, levels: number[]][] = [
  [1, 50_000, [-1]],
  [1, 100_000, [0]],
  [1, 329_000, [0]],
  [1, 330_000, [1]],
  [1, 1_100_000, [2]],
  [2, 441_000, [1, 0]],
  [2, 660_000, [1, 1]],
  [2, 1_430_000, [2, 1]],
  [3, 330_000, [0, 0, 0]],
  [3, 150_000, [-1, -1, 0]],
  [3, 0, [-1, -1, -1]],
]

for (const [streams, bps, levels] of shares) {
  test(`allocation: ${streams} streams, ${bps} bit/s`, () => {
    const { allocate } = stage(streams)
    for (let ms = 0; ms < 20_000; ms += 200) allocate(bps, ms)
    assert.deepEqual(allocate(bps, 20_000), levels)
  })
}

test('allocation: what is given stays while it just fits', () => {
  const { allocate } = stage(1)
  assert.deepEqual(allocate(1_100_000, 0), [2])
  assert.deepEqual(allocate(1_000_000, 100), [2])
  assert.deepEqual(allocate(999_999, 200), [2], 'too much by a little: for a second')
  assert.deepEqual(allocate(1_000_000, 1100), [2])
  assert.deepEqual(allocate(999_999, 1200), [2])
  assert.deepEqual(allocate(999_999, 2199), [2])
  assert.deepEqual(allocate(999_999, 2200), [1])
  assert.deepEqual(allocate(1_050_000, 10_000), [1])
  assert.deepEqual(allocate(1_100_000, 11_000), [2])
  assert.deepEqual(allocate(760_000, 12_000), [1], 'by much: at once')
})

test('allocation: what is too much by a little stays for five seconds while it comes through', () => {
  const { allocate } = stage(1)
  const calm = { calm: true }
  assert.deepEqual(allocate(1_100_000, 0, calm), [2])
  assert.deepEqual(allocate(800_000, 1000, calm), [2])
  assert.deepEqual(allocate(800_000, 5999, calm), [2])
  assert.deepEqual(allocate(800_000, 6000, calm), [1])
  assert.deepEqual(allocate(1_100_000, 9000, calm), [2])
  assert.deepEqual(allocate(800_000, 10_000, calm), [2])
  assert.deepEqual(allocate(800_000, 11_000), [1], 'until the link is full')
  assert.deepEqual(allocate(1_100_000, 20_000, calm), [2])
  assert.deepEqual(allocate(760_000, 21_000, calm), [1], 'by much: at once')
})

test('allocation: a step up waits after a step down, longer when the last one was in vain', () => {
  const { allocate, allotments } = stage(1)
  allocate(1_100_000, 0)
  assert.deepEqual(allocate(500_000, 10_000), [1])
  assert.deepEqual(allocate(1_100_000, 11_999), [1])
  assert.deepEqual(allocate(1_100_000, 12_000), [2])
  assert.deepEqual(allocate(500_000, 13_000), [1])
  assert.deepEqual(allocate(1_100_000, 16_999), [1], 'four seconds')
  assert.deepEqual(allocate(1_100_000, 17_000), [2])
  assert.deepEqual(allocate(500_000, 18_000), [1])
  assert.equal(allotments[0]!.heldUntilMs, 26_000, 'eight, and never more')
})

test('allocation: what was in vain says nothing of lesser layers', () => {
  const { allocate } = stage(1)
  allocate(400_000, 0)
  assert.deepEqual(allocate(1_100_000, 9000), [2])
  assert.deepEqual(allocate(200_000, 10_000), [0], 'two steps at once, of which the second was in vain')
  assert.deepEqual(allocate(1_100_000, 11_999), [0])
  assert.deepEqual(allocate(1_100_000, 12_000), [1], 'the middle one after two seconds')
  assert.deepEqual(allocate(1_100_000, 13_999), [1])
  assert.deepEqual(allocate(1_100_000, 14_000), [2], 'the highest after four')
})

test('allocation: the lowest layer is taken away last, and only after a while', () => {
  const { allocate, allotments } = stage(1)
  allocate(1_100_000, 0)
  assert.deepEqual(allocate(50_000, 10_000), [0])
  assert.equal(allotments[0]!.limit, 'budget')
  assert.deepEqual(allocate(50_000, 10_999), [0])
  assert.deepEqual(allocate(50_000, 11_000), [-1])
  assert.equal(allotments[0]!.limit, 'paused')
  assert.deepEqual(allocate(200_000, 12_000), [-1], 'held')
  assert.deepEqual(allocate(200_000, 13_000), [0])
  assert.deepEqual(allocate(95_000, 20_000), [0])
  assert.deepEqual(allocate(95_000, 23_999), [0], 'by a little: four seconds')
  assert.deepEqual(allocate(95_000, 24_000), [-1])
})

test('allocation: a link that was not seen to be full takes nothing away, and begins what was paused', () => {
  const { allocate } = stage(2)
  assert.deepEqual(allocate(50_000, 0, { limited: false }), [0, 0])
  assert.deepEqual(allocate(50_000, 60_000, { limited: false }), [0, 0])
  allocate(50_000, 70_000)
  assert.deepEqual(allocate(50_000, 71_000), [-1, -1])
  assert.deepEqual(allocate(50_000, 90_000, { limited: false }), [0, 0])
})

test('allocation: where nobody can probe one step is tried at a time', () => {
  const { allocate } = stage(2)
  const budget = { limited: false, tries: true }
  assert.deepEqual(allocate(250_000, 0, budget), [1, 0])
  assert.deepEqual(allocate(250_000, 2999, budget), [1, 0])
  assert.deepEqual(allocate(250_000, 3000, budget), [1, 1])
  assert.deepEqual(allocate(250_000, 3100, { ...budget, limited: true }), [0, 0])
})

test('allocation: layers that come and go', () => {
  const { allocate, allotments } = stage(1, three.slice(0, 1))
  const [only] = allotments
  assert.deepEqual(allocate(1_500_000, 0), [0])
  assert.equal(only!.limit, '')
  only!.ladder = three
  assert.deepEqual(allocate(1_500_000, 1000), [2])
  assert.equal(wantedBps(allotments), 1_000_000)
  only!.ladder = three.slice(0, 2)
  assert.deepEqual(allocate(1_500_000, 1100), [1])
  only!.ladder = []
  assert.deepEqual(allocate(1_500_000, 1200), [0])
  assert.equal(only!.rateBps, 0)
  only!.ladder = three
  assert.deepEqual(allocate(1_500_000, 1300), [2], 'nothing of this was a step down')
})

test('allocation: a stream without layers waits for its publisher to send less, and could take more', () => {
  const { allocate, allotments } = stage(1, [step(0, 1_000_000)])
  const [stream] = allotments
  allocate(1_100_000, 0)
  assert.equal(stream!.narrowed, false)
  assert.deepEqual(allocate(300_000, 10_000), [0])
  assert.equal(stream!.narrowed, true)
  assert.deepEqual(allocate(300_000, 14_999), [0])
  stream!.setLadder([step(0, 240_000)])
  assert.deepEqual(allocate(300_000, 15_000), [0], 'it does')
  assert.equal(wantedBps(allotments), 480_000)
  stream!.setLadder([step(0, 1_000_000)])
  allocate(300_000, 20_000)
  assert.deepEqual(allocate(300_000, 25_000), [-1], 'it does not: others want it as it is')
  stream!.setLadder(three)
  assert.equal(stream!.narrowed, false)
})
