import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HOLD_MS,
  PublisherCap,
  THIN_HOLD_MS,
  UNLIMITED_BPS,
  UNWATCHED_BPS,
  WATCHED_FLOOR_BPS,
} from './publisher-cap.js'

const MAX = 4_000_000

/** Looks at the same needs every second. @returns whether the cap rose in any look */
function look(
  cap: PublisherCap,
  fromMs: number,
  untilMs: number,
  needs: { sound?: number[]; video?: number[] },
): boolean {
  let rose = false
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 1000) {
    cap.begin()
    for (const rateBps of needs.sound ?? []) cap.sound(rateBps)
    for (const needBps of needs.video ?? []) cap.video(needBps)
    rose = cap.settle(nowMs) || rose
  }
  return rose
}

test('the cap is what the m-lines need together', () => {
  const table: [what: string, needs: { sound?: number[]; video?: number[] }, expected: number][] = [
    ['watched', { sound: [40_000], video: [UNLIMITED_BPS] }, MAX],
    ['nobody watches', { sound: [40_000], video: [0] }, 64_000 + UNWATCHED_BPS],
    ['camera and screen, one watched', { video: [0, 500_000] }, UNWATCHED_BPS + 400_000],
    ['more than the most', { video: [6_000_000] }, MAX],
    ['a thin path: never below the floor', { video: [20_000] }, WATCHED_FLOOR_BPS],
    ['stereo sound is not capped', { sound: [256_000], video: [0] }, 384_000 + UNWATCHED_BPS],
    ['sound alone', { sound: [20_000] }, 64_000],
  ]
  for (const [what, needs, expected] of table) {
    const cap = new PublisherCap(MAX)
    look(cap, 0, HOLD_MS, needs)
    assert.equal(cap.capBps, expected, what)
    assert.equal(cap.lowered, expected < MAX, what)
  }
})

test('it falls late and rises at once', () => {
  const cap = new PublisherCap(MAX)
  look(cap, 0, HOLD_MS - 1000, { video: [0] })
  assert.equal(cap.capBps, MAX, 'not yet')
  look(cap, HOLD_MS, HOLD_MS, { video: [0] })
  assert.equal(cap.capBps, UNWATCHED_BPS)
  assert.equal(look(cap, 6000, 6000, { video: [1_000_000] }), true)
  assert.equal(cap.capBps, 800_000)
  assert.equal(look(cap, 6010, 6010, { video: [1_000_000] }), false, 'told once')
})

test('a need that comes back in time lowers nothing, and the highest one counts', () => {
  const cap = new PublisherCap(MAX)
  look(cap, 0, 4000, { video: [0] })
  look(cap, 4500, 4500, { video: [UNLIMITED_BPS] })
  look(cap, 5000, 9000, { video: [0] })
  assert.equal(cap.capBps, MAX)
  const trembling = new PublisherCap(MAX)
  for (let nowMs = 0; nowMs <= THIN_HOLD_MS; nowMs += 500)
    look(trembling, nowMs, nowMs, { video: [nowMs % 1000 === 0 ? 500_000 : 900_000] })
  assert.equal(trembling.capBps, 900_000 * 0.8)
})

test('a link too thin for what comes lowers it soon: there is no picture meanwhile', () => {
  const cap = new PublisherCap(MAX)
  look(cap, 0, 0, { video: [300_000] })
  assert.equal(cap.capBps, MAX)
  look(cap, THIN_HOLD_MS, THIN_HOLD_MS, { video: [300_000] })
  assert.equal(cap.capBps, 240_000)
})
