import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/media/chance/mulberry32.js'
import { ImpairedDirection, type Impairment } from './direction.js'

const PAYLOAD = 972
const ON_WIRE = PAYLOAD + 28
const COUNT = 1_000

/** Offers a packet each millisecond and collects when which of them arrives. */
function run(impairment: Impairment, { seed = 7, later }: { seed?: number; later?: [number, Impairment] } = {}) {
  const direction = new ImpairedDirection<number>(seededRandom(seed))
  direction.impair(impairment)
  const arrived: { packet: number; ms: number; delayMs: number }[] = []
  for (let ms = 0; ms < 5_000; ms++) {
    if (later && ms === later[0]) direction.impair(later[1])
    if (ms < COUNT) direction.offer(ms, PAYLOAD, ms)
    direction.take(ms, (packet) => arrived.push({ packet, ms, delayMs: ms - packet }))
  }
  const packets = arrived.map(({ packet }) => packet)
  return { direction, arrived, packets, delays: arrived.map(({ delayMs }) => delayMs) }
}

test('nothing wrong: every packet at once and in order', () => {
  const { packets, delays, direction } = run({})
  assert.deepEqual(
    packets,
    Array.from({ length: COUNT }, (_, index) => index),
  )
  assert.deepEqual(new Set(delays), new Set([0]))
  assert.equal(direction.counts.deliveredBytes, COUNT * PAYLOAD)
  assert.equal(direction.nextMs(), Number.POSITIVE_INFINITY)
})

test('packets are held as long as the link says, in order of arrival', () => {
  assert.deepEqual(new Set(run({ delayMs: 120 }).delays), new Set([120]))
  const { packets, arrived } = run({ delayMs: 10, reorder: 0.05, reorderMs: 25 })
  const late = arrived.filter(({ delayMs }) => delayMs === 35).length
  assert.ok(late > 25 && late < 80)
  assert.equal(arrived.filter(({ delayMs }) => delayMs === 10).length, COUNT - late)
  assert.notDeepEqual(
    packets,
    [...packets].sort((a, b) => a - b),
  )
})

test('a rate lets through what it says, the rest overflows, and a change of the rate counts at once', () => {
  // 8 Mbit/s offered, 1 Mbit/s passes: a packet each 8 ms. From the middle on 2 Mbit/s: one each 4 ms.
  const { arrived, delays, direction } = run(
    { rateBps: 1e6, queueMs: 80 },
    { later: [500, { rateBps: 2e6, queueMs: 80 }] },
  )
  const gaps = (fromMs: number, toMs: number) => {
    const times = arrived.map(({ ms }) => ms).filter((ms) => ms >= fromMs && ms < toMs)
    return (times.at(-1)! - times[0]!) / (times.length - 1)
  }
  assert.equal(gaps(0, 500), (ON_WIRE * 8_000) / 1e6)
  assert.equal(gaps(600, 1_000), (ON_WIRE * 8_000) / 2e6)
  assert.ok(Math.max(...delays) <= 89)
  assert.equal(direction.counts.overflow + direction.counts.delivered, COUNT)
})

test('chances are as told, and the same for the same seed', () => {
  const { direction, packets } = run({ loss: 0.1 })
  assert.ok(Math.abs(direction.counts.lost - COUNT / 10) < 35)
  assert.equal(packets.length, COUNT - direction.counts.lost)
  assert.deepEqual(run({ loss: 0.1 }).packets, packets)
  assert.notDeepEqual(run({ loss: 0.1 }, { seed: 8 }).packets, packets)
})

test('duplicates are counted and delivered', () => {
  const { packets, direction } = run({ duplicate: 0.1 })
  assert.ok(direction.counts.duplicated > 60 && direction.counts.duplicated < 140)
  assert.equal(packets.length, COUNT + direction.counts.duplicated)
})
