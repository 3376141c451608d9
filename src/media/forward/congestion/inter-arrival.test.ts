import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InterArrival } from './inter-arrival.js'

/** Packets as [sent, arrived] in ms, and the deltas of the groups that they complete. */
const cases: { name: string; packets: [number, number][]; deltas: [number, number][] }[] = [
  {
    name: 'one group',
    packets: [
      [0, 100],
      [1, 101],
      [4, 104],
    ],
    deltas: [],
  },
  {
    name: 'two groups: the second is not complete',
    packets: [
      [0, 100],
      [20, 120],
    ],
    deltas: [],
  },
  {
    name: 'three groups',
    packets: [
      [0, 100],
      [20, 120],
      [40, 145],
    ],
    deltas: [[20, 20]],
  },
  {
    name: 'a group ends with its last packet',
    packets: [
      [0, 100],
      [5, 110],
      [20, 130],
      [24, 131],
      [40, 150],
      [60, 170],
    ],
    deltas: [
      [19, 21],
      [16, 19],
    ],
  },
  {
    name: 'held up on the way and let go at once: one group',
    packets: [
      [0, 100],
      [20, 150],
      [30, 151],
      [40, 152],
      [60, 172],
      [80, 192],
    ],
    deltas: [
      [40, 52],
      [20, 20],
    ],
  },
  {
    name: 'sent before the group: left out',
    packets: [
      [0, 100],
      [20, 120],
      [10, 121],
      [40, 140],
    ],
    deltas: [[20, 20]],
  },
]

for (const { name, packets, deltas } of cases) {
  test(`inter-arrival: ${name}`, () => {
    const groups = new InterArrival()
    const seen: [number, number][] = []
    for (const [sent, arrived] of packets) {
      if (groups.add(sent, arrived, arrived)) seen.push([groups.sendDeltaMs, groups.arrivalDeltaMs])
    }
    assert.deepEqual(seen, deltas)
  })
}

test('inter-arrival: a clock of the receiver that jumps ahead or is set back begins anew', () => {
  for (const jumpMs of [10_000, -10_000]) {
    const groups = new InterArrival()
    const seen: number[] = []
    for (let i = 0; i < 40; i++) {
      const arrivedMs = 100 + i * 20 + (i >= 20 ? jumpMs : 0)
      if (groups.add(i * 20, arrivedMs, i * 20)) seen.push(groups.arrivalDeltaMs)
    }
    assert.ok(seen.length >= 30, `${seen.length} comparisons`)
    assert.deepEqual(new Set(seen), new Set([20]))
  }
})
