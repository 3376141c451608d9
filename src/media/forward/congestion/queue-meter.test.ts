import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueueMeter } from './queue-meter.js'

const BYTES = 1000

/** Sends packets of 1000 bytes at the given times through a link of so many bytes per ms; the receiver's clock is another. */
function through(meter: QueueMeter, sentMs: readonly number[], bytesPerMs: number): void {
  let freeMs = 0
  for (const ms of sentMs) {
    freeMs = Math.max(freeMs, ms) + BYTES / bytesPerMs
    meter.add(ms, freeMs + 77_000, BYTES)
  }
}

const every = (ms: number, count: number, fromMs = 0) => Array.from({ length: count }, (_, i) => fromMs + i * ms)

test('queue meter: a stream that fits says nothing of the link', () => {
  const meter = new QueueMeter()
  through(meter, every(20, 100), 100)
  assert.ok(Number.isNaN(meter.busyBps))
  assert.ok(Math.abs(meter.queueMs) < 1e-6)
})

test('queue meter: while packets wait, what arrives is what the link holds, however little is sent on average', () => {
  const meter = new QueueMeter()
  // 10 packets at once every second: 80 kbit/s over a link of 800 kbit/s.
  through(
    meter,
    [0, 1000, 2000].flatMap((ms) => every(1, 10, ms)),
    100,
  )
  assert.ok(Math.abs(meter.busyBps - 800_000) < 1000, `${meter.busyBps}`)
  assert.ok(Math.abs(meter.queueMs - 81) < 1, `${meter.queueMs}`)
})

test('queue meter: a link that becomes thin is seen while the queue still grows', () => {
  const meter = new QueueMeter()
  through(meter, every(10, 100), 200)
  let freeMs = 1000
  for (const ms of every(10, 100, 1000)) {
    freeMs = Math.max(freeMs, ms) + BYTES / 25
    meter.add(ms, freeMs + 77_000, BYTES)
    if (ms > 1200) assert.ok(Math.abs(meter.busyBps - 200_000) < 20_000, `${meter.busyBps} at ${ms}`)
  }
})

test('queue meter: a short burst, and one that was long ago, say nothing', () => {
  const meter = new QueueMeter()
  through(meter, [0, ...every(1, 4, 1000)], 100)
  assert.ok(Number.isNaN(meter.busyBps))
  through(meter, every(1, 10, 2000), 100)
  assert.ok(meter.busyBps > 0)
  meter.add(3000, 80_010, BYTES)
  meter.add(3001, 80_021, BYTES)
  assert.ok(Number.isNaN(meter.busyBps))
})
