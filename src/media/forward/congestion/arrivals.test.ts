import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOT_RECEIVED, newArrivalFeedback } from '../../rtp/rtcp/transport-cc.js'
import { ARRIVALS, Arrival, Arrivals, TOLD_AGAIN } from './arrivals.js'

const lost = NOT_RECEIVED
const feedback = newArrivalFeedback()

/** All that is to be reported, as numbers of the wire with units of 250 µs since 0; and it is reported. */
function told(arrivals: Arrivals): [seq: number, units: number | 'lost'][] {
  const entries = new Int32Array(ARRIVALS)
  const count = arrivals.next(feedback, entries)
  const { baseSeq, referenceTime } = feedback
  arrivals.reported(count)
  return [...entries.subarray(0, count)].map((units, i) => [
    (baseSeq + i) & 0xffff,
    units === lost ? 'lost' : referenceTime * 256 + units,
  ])
}

test('what arrived is told once, with what is missing between', () => {
  const table: [what: string, packets: [seq: number, ms: number][], expected: [number, number | 'lost'][]][] = [
    ['one packet', [[7, 1000]], [[7, 4000]]],
    [
      'units of 250 µs',
      [
        [7, 1000.3],
        [8, 1000.74],
      ],
      [
        [7, 4001],
        [8, 4002],
      ],
    ],
    [
      'a gap',
      [
        [7, 10],
        [10, 11],
      ],
      [
        [7, 40],
        [8, 'lost'],
        [9, 'lost'],
        [10, 44],
      ],
    ],
    [
      'reordered',
      [
        [7, 10],
        [9, 11],
        [8, 12],
      ],
      [
        [7, 40],
        [8, 48],
        [9, 44],
      ],
    ],
    [
      'reordered at the start',
      [
        [9, 10],
        [7, 12],
      ],
      [
        [7, 48],
        [8, 'lost'],
        [9, 40],
      ],
    ],
    [
      'a duplicate: the first arrival counts',
      [
        [7, 10],
        [7, 12],
      ],
      [[7, 40]],
    ],
    [
      'the circle closes',
      [
        [65_534, 1],
        [1, 2],
      ],
      [
        [65_534, 4],
        [65_535, 'lost'],
        [0, 'lost'],
        [1, 8],
      ],
    ],
    [
      'from before the first one, across the circle',
      [
        [1, 5],
        [65_535, 6],
      ],
      [
        [65_535, 24],
        [0, 'lost'],
        [1, 20],
      ],
    ],
  ]
  for (const [what, packets, expected] of table) {
    const arrivals = new Arrivals()
    for (const [seq, ms] of packets) arrivals.arrived(seq, ms)
    assert.deepEqual(told(arrivals), expected, what)
    assert.deepEqual(told(arrivals), [], what)
  }
})

test('what comes after it was told as lost is told again, and what follows it', () => {
  const arrivals = new Arrivals()
  for (const seq of [1, 2, 4]) arrivals.arrived(seq, seq)
  assert.deepEqual(told(arrivals), [
    [1, 4],
    [2, 8],
    [3, 'lost'],
    [4, 16],
  ])
  assert.equal(arrivals.arrived(3, 50), Arrival.late)
  assert.deepEqual(told(arrivals), [
    [3, 200],
    [4, 16],
  ])
  assert.equal(arrivals.arrived(3, 60), Arrival.ignored, 'twice')
  assert.equal(arrivals.pending, 0)
})

test('the reference is below the first arrival and 24 bits of it go around', () => {
  const arrivals = new Arrivals()
  const ms = 2 ** 23 * 64 + 70
  arrivals.arrived(1, ms)
  const entries = new Int32Array(4)
  assert.equal(arrivals.next(feedback, entries), 1)
  assert.equal(feedback.referenceTime, -(2 ** 23) + 1)
  assert.equal(entries[0], 6 * 4)
})

test('numbers that jump about cost no more than what is remembered, and nothing false is told', () => {
  const table: [what: string, packets: number[], results: number[], pending: number][] = [
    ['far ahead: older ones are forgotten', [10, 10 + 5000], [0, 4999], ARRIVALS],
    ['half a circle ahead is behind', [10, 10 + 0x8000], [0, Arrival.ignored], 1],
    ['too far behind', [10_000, 10_000 - ARRIVALS], [0, Arrival.ignored], 1],
    ['as far behind as is told again', [10_000, 10_000 - TOLD_AGAIN], [0, Arrival.late], TOLD_AGAIN + 1],
  ]
  for (const [what, packets, results, pending] of table) {
    const arrivals = new Arrivals()
    assert.deepEqual(
      packets.map((seq) => arrivals.arrived(seq, 5)),
      results,
      what,
    )
    assert.equal(arrivals.pending, pending, what)
    const received = told(arrivals).filter(([, units]) => units !== 'lost')
    assert.ok(
      received.every(([seq]) => packets.includes(seq)),
      what,
    )
  }
})

test('random walks: a number is told as received if and only if it arrived', () => {
  let random = 42
  const next = (below: number) => ((random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0) >>> 8) % below
  for (let round = 0; round < 50; round++) {
    const arrivals = new Arrivals()
    const arrived = new Map<number, number>()
    let seq = next(65_536)
    for (let i = 0; i < 400; i++) {
      seq = (seq + (next(20) === 0 ? next(1500) : 1) - (next(10) === 0 ? next(6) : 0)) & 0xffff
      if (arrivals.arrived(seq, i) !== Arrival.ignored) arrived.set(seq, i)
      if (next(40) > 0) continue
      for (const [of, units] of told(arrivals)) if (units !== 'lost') assert.equal(units, arrived.get(of)! * 4)
    }
  }
})
