import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prober } from './prober.js'

/** Sends what is owed in packets of 1000 bytes every 5 ms. @returns bytes sent and ms taken */
function send(prober: Prober, rateBps: number, fromMs: number) {
  prober.begin(rateBps, fromMs)
  for (let ms = fromMs; ; ms += 5) {
    while (prober.owed(ms) > 0) {
      prober.cluster.packets++
      prober.cluster.bytes += 1000
    }
    if (prober.complete(ms)) return { bytes: prober.cluster.bytes, ms: ms - fromMs }
  }
}

test('prober: nothing while the estimate is enough', () => {
  const prober = new Prober()
  assert.equal(prober.plan(1_000_000, 800_000, 0), 0)
})

test('prober: three times at first, then twice, never much more than is wanted', () => {
  const prober = new Prober()
  assert.equal(prober.plan(500_000, 4_000_000, 0), 1_500_000)
  send(prober, 1_500_000, 0)
  assert.equal(prober.plan(500_000, 4_000_000, 50), 0, 'one at a time')
  prober.finish({ bps: 1_500_000, full: false }, 100)
  assert.equal(prober.plan(1_500_000, 4_000_000, 100), 3_000_000)
  assert.equal(prober.plan(1_500_000, 2_000_000, 100), 2_600_000)
})

test('prober: a cluster keeps its rate for 20 ms, or for five packets', () => {
  assert.deepEqual(send(new Prober(), 4_000_000, 0), { bytes: 13_000, ms: 20 })
  const slow = send(new Prober(), 200_000, 0)
  assert.equal(slow.bytes, 5000)
  assert.ok(slow.ms >= 150 && slow.ms <= 200, `${slow.ms} ms`)
})

test('prober: what others send meanwhile is not owed, and a cluster ends all the same', () => {
  const prober = new Prober()
  prober.begin(1_000_000, 0)
  prober.beside.bytes = 100_000
  assert.equal(prober.owed(20), 0)
  assert.equal(prober.complete(20), false)
  assert.equal(prober.complete(200), true)
})

/** Whole ms from `nowMs` on until the next probe may begin. */
function wait(prober: Prober, nowMs: number): number {
  let waitMs = 0
  while (prober.plan(500_000, 4_000_000, nowMs + waitMs) === 0) waitMs++
  return waitMs
}

test('prober: in vain, it waits longer each time, up to 4.5 s', () => {
  const prober = new Prober()
  let nowMs = 0
  const waits: number[] = []
  for (let i = 0; i < 5; i++) {
    send(prober, 1_000_000, nowMs)
    prober.finish(i % 2 === 0 ? null : { bps: 500_000, full: true }, nowMs)
    waits.push(wait(prober, nowMs))
    nowMs += waits.at(-1)!
  }
  assert.deepEqual(waits, [2000, 3000, 4500, 4500, 4500])
  assert.notEqual(prober.plan(500_000, 4_000_000, nowMs), 0)
  prober.holdOff(nowMs)
  assert.equal(prober.plan(500_000, 4_000_000, nowMs + 1999), 0)
  assert.notEqual(prober.plan(500_000, 4_000_000, nowMs + 2000), 0)
})

test('prober: two on one line do not wait equally long', () => {
  const waits = [0, 2 ** 31, 2 ** 32 - 1].map((random) => {
    const prober = new Prober(() => random)
    send(prober, 1_000_000, 0)
    prober.finish(null, 0)
    return wait(prober, 0)
  })
  assert.deepEqual(waits, [2000, 2300, 2600])
})

test('prober: a result that does not come', () => {
  const prober = new Prober()
  send(prober, 1_000_000, 0)
  assert.equal(prober.overdue(100, 620), false)
  assert.equal(prober.overdue(100, 621), true)
})

test('prober: who comes late does not send at once what was missed', () => {
  const prober = new Prober()
  prober.begin(20_000_000, 1000)
  assert.ok(prober.owed(1000) <= 12_500)
  // A second in which the machine did something else.
  assert.equal(prober.owed(2000), 62_500)
  prober.begin(20_000, 3000)
  assert.ok(prober.owed(4000) <= 7500)
})
