import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DelayDetector } from './delay-detector.js'
import type { Usage } from './overuse-detector.js'
import { Link, type LinkOptions } from './testing/link.js'

/** Sends packets of 1200 bytes at a steady rate. @returns how often each state was seen, and when the first overuse */
function drive(detector: DelayDetector, link: Link, rateBps: number, ms: number, fromMs = 0) {
  const seen: Record<Usage, number> = { normal: 0, over: 0, under: 0 }
  let overMs = Number.POSITIVE_INFINITY
  for (let sentMs = fromMs; sentMs < fromMs + ms; sentMs += (1200 * 8000) / rateBps) {
    const arrivedMs = link.send(sentMs, 1200)
    if (arrivedMs < 0) continue
    const usage = detector.add(sentMs, arrivedMs + 123_456, sentMs + 60)
    seen[usage]++
    if (usage === 'over') overMs = Math.min(overMs, sentMs - fromMs)
  }
  return { seen, overMs }
}

const cases: { name: string; link: Partial<LinkOptions>; rateBps: number; over: boolean }[] = [
  { name: 'below the capacity', link: {}, rateBps: 2_000_000, over: false },
  { name: 'below, with 10 ms of jitter', link: { jitterMs: 10 }, rateBps: 1_000_000, over: false },
  { name: 'below, with 20 % of loss', link: { loss: 0.2 }, rateBps: 2_000_000, over: false },
  { name: 'a third too much', link: {}, rateBps: 4_000_000, over: true },
  { name: 'a third too much over 300 ms of delay', link: { delayMs: 300 }, rateBps: 4_000_000, over: true },
  { name: 'ten times too much', link: { rateBps: 300_000 }, rateBps: 3_000_000, over: true },
  { name: 'a fifth too much, with jitter', link: { jitterMs: 10 }, rateBps: 3_600_000, over: true },
]

for (const { name, link, rateBps, over } of cases) {
  test(`delay detector: ${name}`, () => {
    const { seen, overMs } = drive(new DelayDetector(), new Link(link), rateBps, over ? 1000 : 20_000)
    if (over) assert.ok(overMs < 500, `first overuse after ${overMs} ms`)
    else assert.equal(seen.over, 0)
  })
}

test('delay detector: a queue that empties is underuse, then all is normal', () => {
  const detector = new DelayDetector()
  const link = new Link()
  drive(detector, link, 4_000_000, 1000)
  const { seen } = drive(detector, link, 1_000_000, 3000, 1000)
  assert.ok(seen.under > 0)
  assert.equal(detector.usage, 'normal')
})

test('delay detector: begins anew after two seconds of silence', () => {
  const detector = new DelayDetector()
  drive(detector, new Link(), 4_000_000, 1000)
  assert.notEqual(detector.slope, 0)
  detector.add(5000, 200_000, 5060)
  assert.equal(detector.slope, 0)
  assert.equal(detector.usage, 'normal')
})
