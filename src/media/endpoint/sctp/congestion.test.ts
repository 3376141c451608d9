/** Congestion control by itself: what each event makes of the window, of its threshold, of what may go out at once, and of the timeout. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CongestionWindow, RoundTrip } from './congestion.js'
import { MAX_PACKET_BYTES } from './packet.js'

type Step = (window: CongestionWindow) => void

/** Bytes of so many packets. */
const packets = (count: number): number => count * MAX_PACKET_BYTES

/** One SACK acknowledges so many packets, while the window is what limits. */
const acked =
  (count: number): Step =>
  (window) => {
    window.wasFull = true
    window.grow(packets(count))
  }
/** So many SACKs, each for one packet. */
const ackedOneByOne =
  (count: number): Step =>
  (window) => {
    for (let i = 0; i < count; i++) acked(1)(window)
  }
const lost: Step = (window) => window.lost()
const timedOut: Step = (window) => window.timedOut()
const keep: Step = (window) => window.keep()
const undo: Step = (window) => window.undo()
/** Idle for so many timeouts of 500 ms. */
const idle =
  (timeouts: number): Step =>
  (window) =>
    window.idle(timeouts * 500, 500)
const notFull: Step = (window) => {
  window.wasFull = false
  window.grow(packets(10))
}

/** From 10 packets on, in slow start. `next` is what one more acknowledged packet adds: itself, or nothing yet. */
const windows: [name: string, steps: Step[], packets: number, next: 'slow start' | 'avoidance'][] = [
  ['nothing has happened', [], 10, 'slow start'],
  ['10 packets acknowledged by one SACK', [acked(10)], 20, 'slow start'],
  ['10 packets acknowledged one by one', [ackedOneByOne(10)], 20, 'slow start'],
  ['10 packets acknowledged, but the window was not what limited', [notFull], 10, 'slow start'],
  ['a loss: half', [acked(30), lost], 20, 'slow start'],
  ['after a loss: one packet above the threshold', [acked(30), lost, acked(1)], 21, 'avoidance'],
  ['after a loss, one SACK for much: no more than that', [acked(30), lost, acked(20)], 21, 'avoidance'],
  ['in avoidance: one packet for a window', [acked(30), lost, ackedOneByOne(1 + 19)], 21, 'avoidance'],
  [
    'in avoidance: one packet for a window, when it is through',
    [acked(30), lost, ackedOneByOne(1 + 21)],
    22,
    'avoidance',
  ],
  ['in avoidance, one SACK for the whole window', [acked(30), lost, acked(1), acked(21)], 22, 'avoidance'],
  [
    'a loss forgets what was acknowledged towards the next packet',
    [acked(30), lost, acked(20), lost, acked(2)],
    11.5,
    'avoidance',
  ],
  ['two losses: a quarter', [acked(30), lost, lost], 10, 'slow start'],
  ['losses again and again: four packets', [lost, lost, lost, lost], 4, 'slow start'],
  ['a timeout: one packet', [acked(30), timedOut], 1, 'slow start'],
  ['after a timeout: slow start to half of what was', [acked(30), timedOut, ackedOneByOne(19)], 20, 'slow start'],
  ['after a timeout: avoidance from there', [acked(30), timedOut, ackedOneByOne(20)], 21, 'avoidance'],
  ['after a timeout, one SACK for much', [acked(30), timedOut, acked(30)], 21, 'avoidance'],
  ['two timeouts: a threshold of four packets', [acked(30), timedOut, timedOut, acked(6)], 5, 'avoidance'],
  ['idle for less than a timeout', [acked(30), idle(0.9)], 40, 'slow start'],
  ['idle for a timeout: half', [acked(30), idle(1)], 20, 'slow start'],
  ['idle for two and a half', [acked(40), idle(2.5)], 12.5, 'slow start'],
  ['idle for a day: the first window', [acked(30), idle(172_800)], 10, 'slow start'],
  ['idle does not raise what is below the first window', [timedOut, idle(100)], 1, 'slow start'],
  ['idle leaves the threshold alone', [acked(30), lost, acked(1), idle(1), acked(20)], 21, 'avoidance'],
  ['a cut that is taken back', [acked(30), keep, lost, undo], 40, 'slow start'],
  ['its threshold as well', [acked(30), keep, lost, undo, acked(20)], 60, 'slow start'],
  ['a timeout that is taken back', [acked(30), keep, timedOut, undo], 40, 'slow start'],
  ['what grew meanwhile stays', [acked(30), keep, timedOut, undo, acked(5)], 45, 'slow start'],
  ['only the last of two cuts is taken back', [acked(30), lost, keep, lost, undo], 20, 'slow start'],
  ['a cut that is taken back after idle time', [acked(30), keep, lost, idle(1), undo], 10, 'slow start'],
]

for (const [name, steps, count, next] of windows) {
  test(`the window, ${name}`, () => {
    const window = new CongestionWindow()
    for (const step of steps) step(window)
    assert.equal(window.bytes / MAX_PACKET_BYTES, count)
    acked(1)(window)
    assert.equal(window.bytes / MAX_PACKET_BYTES, next === 'slow start' ? count + 1 : count)
  })
}

/** What may go out at once, in packets: by what was acknowledged since the last burst, and what is on its way. */
const bursts: [name: string, acked: number[], flight: number, burst: number][] = [
  ['nothing is on its way: the first window', [], 0, 10],
  ['nothing is on its way, much was acknowledged', [20], 0, 44],
  ['nothing was acknowledged: four', [], 5, 4],
  ['one packet acknowledged: two more', [1], 5, 6],
  ['two SACKs before it', [2, 3], 5, 14],
]

for (const [name, sacks, flight, burst] of bursts) {
  test(`a burst, ${name}`, () => {
    const window = new CongestionWindow()
    for (const count of sacks) window.acknowledged(packets(count))
    window.beginBurst(packets(flight))
    assert.equal(window.burstBytes / MAX_PACKET_BYTES, burst)
    window.beginBurst(packets(5))
    assert.equal(window.burstBytes / MAX_PACKET_BYTES, 4, 'counts for one burst only')
  })
}

/** The timeout after round trips of so many milliseconds, and what it is after timeouts in a row. */
const roundTrips: [name: string, rttsMs: number[], rtoMs: number, backedOffMs: number[]][] = [
  ['none is measured', [], 500, [500, 1000, 2000, 4000, 4000]],
  ['one: three times as long (§6.3.1 C2)', [200], 600, [600, 1200, 2400, 4000]],
  ['a second one: 7/8 and 3/4 of what was (C3)', [200, 280], 210 + 4 * (75 + 20), [590, 1180, 2360, 4000]],
  ['short ones: no less than 400 ms', [1, 1, 1], 400, [400, 800, 1600, 3200, 4000]],
  ['none at all', [0], 400, [400, 800]],
  ['a long one: no more than 4 s', [60_000], 4000, [4000, 4000]],
  ['a hundred even ones: only the 400 ms are left', new Array(100).fill(300), 400, [400]],
]

for (const [name, rttsMs, rtoMs, backedOffMs] of roundTrips) {
  test(`the timeout, ${name}`, () => {
    const roundTrip = new RoundTrip()
    for (const rttMs of rttsMs) roundTrip.measure(rttMs)
    assert.equal(roundTrip.rtoMs, rtoMs)
    assert.deepEqual(
      backedOffMs.map((_, timeouts) => roundTrip.backedOffMs(timeouts)),
      backedOffMs,
    )
    assert.equal(roundTrip.backedOffMs(1000), 4000)
    const measured = rttsMs.length > 0
    assert.equal(Number.isFinite(roundTrip.smoothedMs), measured)
  })
}

test('a round trip that jumps makes the timeout jump, and it comes down slowly', () => {
  const roundTrip = new RoundTrip()
  for (let i = 0; i < 100; i++) roundTrip.measure(100)
  roundTrip.measure(900)
  // smoothed 200, deviation 200
  assert.ok(Math.abs(roundTrip.rtoMs - 1000) < 1, `${roundTrip.rtoMs}`)
  let samples = 0
  for (; roundTrip.rtoMs > 400; samples++) roundTrip.measure(100)
  assert.ok(samples >= 4 && samples <= 15, `${samples}`)
})
