import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timestamps } from './timestamps.js'

/** Each row: source timestamp, time of arrival, what is sent; `rebase` between rows. */
const cases: { name: string; offset: number; clockRate: number; rows: ([number, number, number] | 'rebase')[] }[] = [
  {
    name: 'an offset',
    offset: 1000,
    clockRate: 90_000,
    rows: [
      [0, 0, 1000],
      [3000, 33, 4000],
    ],
  },
  {
    name: 'wraps at 2^32',
    offset: 0xffff_ffff,
    clockRate: 90_000,
    rows: [
      [0, 5, 0xffff_ffff],
      [1, 5, 0],
      [2, 6, 1],
    ],
  },
  {
    name: 'another source goes on after the wall time that passed',
    offset: 1000,
    clockRate: 90_000,
    rows: [[5000, 100, 6000], 'rebase', [77, 200, 15_000], [3077, 233, 18_000]],
  },
  {
    name: 'audio counts 48 ticks per millisecond',
    offset: 0,
    clockRate: 48_000,
    rows: [[960, 20, 960], 'rebase', [9_000_000, 60, 960 + 1920]],
  },
  {
    name: 'at once is one tick later',
    offset: 0,
    clockRate: 90_000,
    rows: [[100, 50, 100], 'rebase', [100, 50, 101]],
  },
  {
    name: 'a late packet does not move the newest back',
    offset: 0,
    clockRate: 1000,
    rows: [[500, 50, 500], [400, 60, 400], 'rebase', [7, 70, 520]],
  },
  {
    name: 'before the first packet a rebase is nothing',
    offset: 3,
    clockRate: 90_000,
    rows: ['rebase', [100, 50, 103]],
  },
  {
    name: 'a clock that stands still or runs back never sends time back',
    offset: 0,
    clockRate: 90_000,
    rows: [[500, 50, 500], 'rebase', [9, 10, 501]],
  },
  {
    name: 'rebase across the wrap',
    offset: 0,
    clockRate: 90_000,
    rows: [[0xffff_fff0, 0, 0xffff_fff0], 'rebase', [5, 1, 90 - 16]],
  },
]

for (const { name, offset, clockRate, rows } of cases) {
  test(`timestamps: ${name}`, () => {
    const timestamps = new Timestamps(offset, clockRate)
    for (const row of rows) {
      if (row === 'rebase') timestamps.rebase(clockRate)
      else {
        const sent = { timestamp: -1 }
        timestamps.map({ view: { timestamp: row[0] }, nowMs: row[1] }, sent)
        assert.equal(sent.timestamp, row[2])
        assert.equal(timestamps.peek(row[0]), row[2])
      }
    }
  })
}
