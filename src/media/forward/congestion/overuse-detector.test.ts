import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OveruseDetector } from './overuse-detector.js'

/** Feeds one slope for so many groups that are 20 ms apart. */
function feed(detector: OveruseDetector, slope: number, groups: number, fromMs = 0) {
  for (let i = 0; i < groups; i++) detector.detect(slope, 60, 20, fromMs + i * 20)
  return detector.usage
}

test('overuse detector: steep for longer than 10 ms is overuse, flat is normal, falling is underuse', () => {
  assert.equal(feed(new OveruseDetector(), 0, 50), 'normal')
  assert.equal(feed(new OveruseDetector(), 0.1, 1), 'normal', 'one group is no trend')
  assert.equal(feed(new OveruseDetector(), 0.1, 2), 'over')
  assert.equal(feed(new OveruseDetector(), -0.1, 2), 'under')
})

test('overuse detector: what gets better is not called overuse', () => {
  const detector = new OveruseDetector()
  let slope = 0.2
  for (let i = 0; i < 5; i++) detector.detect((slope -= 0.02), 60, 20, i * 20)
  assert.equal(detector.usage, 'normal')
})

test('overuse detector: the threshold follows a trend that stays, down faster than up', () => {
  const detector = new OveruseDetector()
  // 60 × 4 × 0.04 = 9.6: below the first threshold of 12.5.
  assert.equal(feed(detector, 0.04, 3), 'normal')
  feed(detector, 0, 200, 100)
  // It came down to 6.
  assert.equal(feed(detector, 0.04, 2, 5000), 'over')
  feed(detector, 0.04, 400, 5100)
  assert.equal(feed(detector, 0.039, 2, 13_100), 'normal', 'a steady trend is what others make of the link')
})
