import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamPreference } from '../control.js'
import { DEAD_MS, LayerOrder, type OrderedEncoding } from './layer-order.js'
import { BEST, chooseLayer, type Layer, type LayerTarget } from './layers.js'
import { LayerRates, MEASURE_MS } from './rates.js'

interface Sending extends OrderedEncoding {
  bps: number
  lastMs: number
}

const sending = (rid: string, bps: number, width = 0, height = 0): Sending => ({
  ...{ rid, bps },
  layers: { widths: [width, 0, 0, 0], heights: [height, 0, 0, 0] },
  rates: new LayerRates(),
  lastMs: 0,
})

/** Lets time pass, in which those of `encodings` that have a rate send. @returns rids in order, dead ones in brackets */
function pass(order: LayerOrder<Sending>, encodings: Sending[], fromMs: number, untilMs: number): string {
  for (let ms = fromMs; ms <= untilMs; ms += 50) {
    for (const encoding of encodings) {
      if (encoding.bps === 0) continue
      encoding.lastMs = ms
      encoding.rates.add(0, 0, encoding.bps / 8 / 20)
    }
    order.update(encodings, ms)
  }
  return order.layers.map(({ rid, alive }) => (alive ? rid : `(${rid})`)).join(' ')
}

test('layer order: by size where it is known, whatever came first and whatever the rates', () => {
  const order = new LayerOrder<Sending>()
  const encodings = [sending('f', 100e3, 1280, 720), sending('q', 300e3, 320, 180), sending('h', 200e3, 640, 360)]
  assert.equal(pass(order, encodings, 0, 0), 'q h f')
  assert.equal(pass(order, encodings, 50, 2000), 'q h f')
  assert.equal(order.best!.rid, 'f')
})

test('layer order: without sizes by rate, once it is clearly more, and not back for a busy moment', () => {
  const order = new LayerOrder<Sending>()
  const small = sending('a', 100e3)
  const large = sending('b', 110e3)
  assert.equal(pass(order, [small, large], 0, 1000), 'b a', 'nothing speaks for one more than for the other')
  large.bps = 500e3
  assert.equal(pass(order, [small, large], 1050, 2000), 'a b')
  small.bps = 600e3
  assert.equal(pass(order, [small, large], 2050, 6000), 'a b')
  small.bps = 800e3
  assert.equal(pass(order, [small, large], 6050, 9000), 'b a')
})

test('layer order: what is left off keeps its place, and is dead while others send', () => {
  const order = new LayerOrder<Sending>()
  const encodings = [sending('q', 100e3), sending('f', 900e3)]
  assert.equal(pass(order, encodings, 0, 1000), 'q f')
  encodings[1]!.bps = 0
  assert.equal(pass(order, encodings, 1050, 1000 + DEAD_MS - 50), 'q f')
  assert.equal(pass(order, encodings, 1000 + DEAD_MS, 1000 + DEAD_MS + MEASURE_MS), 'q (f)')
  encodings[0]!.bps = 0
  order.update(encodings, 60_000)
  assert.equal(pass(order, encodings, 60_000, 60_000), 'q (f)', 'silence of all says nothing of one')
  encodings[1]!.bps = 900e3
  assert.equal(pass(order, encodings, 61_000, 61_500), '(q) f')
})

test('layer order: an encoding that never sent is no layer', () => {
  const order = new LayerOrder<Sending>()
  const never = { ...sending('x', 0), lastMs: Number.NEGATIVE_INFINITY }
  assert.equal(pass(order, [never, sending('q', 1e5)], 0, 300), 'q')
  assert.equal(new LayerOrder<Sending>().best, undefined)
})

test('rates: cumulated over lower temporal and spatial layers, measured over a quarter of a second', () => {
  const rates = new LayerRates()
  rates.measure(0)
  for (let ms = 1; ms <= 3000; ms++) {
    rates.add(0, 0, 10)
    rates.add(0, 1, 5)
    rates.add(1, 0, 40)
    rates.add(9, 9, 1)
    rates.measure(ms)
  }
  const about = (spatial: number, kbps: number[]) => {
    const measured = rates.cumulated(spatial)
    assert.equal(measured.length, kbps.length)
    for (const [i, bps] of measured.entries()) assert.ok(Math.abs(bps / 1000 / kbps[i]! - 1) < 0.01, `${measured}`)
  }
  about(0, [80, 120, 120, 120])
  about(1, [400, 440, 440, 440])
  about(3, [400, 440, 440, 448])
  assert.deepEqual([rates.spatials, rates.temporals], [4, 4])
  rates.reset()
  assert.deepEqual([rates.spatials, rates.temporals, ...rates.cumulated(0)], [1, 1, 0])
})

const layer = (spatial: number, height: number, alive = true): Layer => ({
  ...{ spatial, height, alive, width: (height * 16) / 9, rid: '' },
  rateBps: [1],
})
const all = [layer(0, 180), layer(1, 360), layer(2, 720)]
const topGone = [layer(0, 180), layer(1, 360), layer(2, 720, false)]
const onlyTop = [layer(0, 180, false), layer(1, 360, false), layer(2, 720)]
const unknown = [layer(0, 0), layer(1, 0)]
const chosen: [string, Layer[], LayerTarget, StreamPreference, number][] = [
  ['the best', all, BEST, {}, 2],
  ['the target', all, { spatial: 1, temporal: 0 }, {}, 1],
  ['a target above all', all, { spatial: 7, temporal: 0 }, {}, 2],
  ['the wish below the target', all, BEST, { maxSpatial: 0 }, 0],
  ['the target below the wish', all, { spatial: 0, temporal: 0 }, { maxSpatial: 1 }, 0],
  ['a height between two', all, BEST, { maxHeight: 500 }, 1],
  ['a width', all, BEST, { maxWidth: 320 }, 0],
  ['a size that is too small for all', all, BEST, { maxHeight: 100 }, 0],
  ['sizes that are not known', unknown, BEST, { maxHeight: 100 }, 1],
  ['the best is dead', topGone, BEST, {}, 1],
  ['only what is above the target is alive', onlyTop, { spatial: 0, temporal: 0 }, {}, 2],
  ['all are dead', [layer(0, 0, false), layer(1, 0, false)], BEST, {}, 1],
]
for (const [name, layers, target, wish, index] of chosen) {
  test(`chosen layer: ${name}`, () => assert.equal(chooseLayer(layers, target, wish), index))
}
