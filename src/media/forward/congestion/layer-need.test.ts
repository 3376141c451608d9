import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamPreference } from '../../control.js'
import type { Layer } from '../layers.js'
import { layerNeedBps } from './layer-need.js'
import { UNLIMITED_BPS } from './publisher-cap.js'

const layer = (spatial: number, height: number, rateBps: number, change: Partial<Layer> = {}): Layer => ({
  ...{ spatial, rid: 'qhf'[spatial]!, alive: true, width: (height * 16) / 9, height, rateBps: [rateBps / 2, rateBps] },
  ...change,
})
/** As Chromium sends them, and allows them at most: 150, 500 and 2,500 kbit/s. */
const three = [layer(0, 180, 150_000), layer(1, 360, 500_000), layer(2, 720, 2_500_000)]

const cases: [
  what: string,
  choices: readonly Layer[],
  preference: StreamPreference,
  atLeast: number,
  atMost: number,
][] = [
  ['no wish: as much as there is', three, {}, UNLIMITED_BPS, UNLIMITED_BPS],
  ['the largest', three, { maxHeight: 720 }, UNLIMITED_BPS, UNLIMITED_BPS],
  ['nothing', three, { paused: true }, 0, 0],
  [
    'the middle one: all it and the small one may take, and less than the large one needs besides',
    three,
    { maxHeight: 360 },
    650_000,
    1_250_000,
  ],
  ['the small one', three, { maxHeight: 200 }, 180_000, 300_000],
  ['smaller than the smallest: that one', three, { maxHeight: 90 }, 180_000, 300_000],
  ['by number', three, { maxSpatial: 0 }, 180_000, 300_000],
  [
    'the large one is left off already: it does not become the wish',
    [three[0]!, three[1]!, layer(2, 720, 0, { alive: false })],
    { maxHeight: 360 },
    650_000,
    1_250_000,
  ],
  ['and it comes back', [three[0]!, three[1]!, layer(2, 720, 0, { alive: false })], {}, UNLIMITED_BPS, UNLIMITED_BPS],
  [
    'an encoder that has nothing to do',
    [layer(0, 180, 5000), layer(1, 360, 5000), layer(2, 720, 9000)],
    { maxHeight: 360 },
    650_000,
    1_250_000,
  ],
  [
    'layers dearer than browsers have them',
    [layer(0, 180, 900_000), layer(1, 360, 4_000_000)],
    { maxHeight: 180 },
    1_100_000,
    1_200_000,
  ],
  [
    'SVC: rates are summed up already',
    [layer(0, 180, 150_000, { rid: '' }), layer(1, 360, 650_000, { rid: '' }), layer(2, 720, 3e6, { rid: '' })],
    { maxHeight: 360 },
    650_000,
    900_000,
  ],
  [
    'a size that is not known',
    [layer(0, 180, 150_000), layer(1, 0, 500_000)],
    { maxSpatial: 0 },
    UNLIMITED_BPS,
    UNLIMITED_BPS,
  ],
  ['one layer', [three[1]!], { maxHeight: 180 }, UNLIMITED_BPS, UNLIMITED_BPS],
]

for (const [what, choices, preference, atLeast, atMost] of cases) {
  test(`layer need: ${what}`, () => {
    const bps = layerNeedBps(choices, preference)
    assert.ok(bps >= atLeast && bps <= atMost, `${bps}`)
  })
}
