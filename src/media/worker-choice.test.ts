import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseWorker, WorkerLoad } from './worker-choice.js'

/** Workers as `[endpoints, belongs, load]`; which one is chosen. */
const cases: [why: string, workers: [number, number, number][], chosen: number | undefined][] = [
  ['nobody can', [], undefined],
  [
    'the fewest endpoints while none has anything to do',
    [
      [3, 0, 0.02],
      [1, 0, 0.05],
      [2, 0, 0],
    ],
    1,
  ],
  [
    'the first of equals',
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    0,
  ],
  [
    'less to do before fewer endpoints',
    [
      [3, 0, 0.8],
      [50, 0, 0.1],
    ],
    1,
  ],
  [
    'most of the room',
    [
      [10, 1, 0.3],
      [20, 5, 0.5],
      [0, 0, 0],
    ],
    1,
  ],
  [
    'most of the room, however much the others have',
    [
      [10, 1, 0.9],
      [20, 5, 0.5],
    ],
    1,
  ],
  [
    'another one when the room is too big for its worker',
    [
      [200, 200, 0.7],
      [0, 0, 0],
    ],
    1,
  ],
  [
    'of the others the one that has the room already',
    [
      [200, 200, 0.7],
      [10, 10, 0.3],
      [0, 0, 0],
    ],
    1,
  ],
  [
    'the least when all that have the room are full',
    [
      [200, 200, 0.7],
      [200, 100, 0.65],
      [0, 0, 0.2],
    ],
    2,
  ],
  [
    'its home when everybody is full',
    [
      [200, 90, 0.95],
      [180, 110, 0.99],
      [150, 0, 0.97],
    ],
    1,
  ],
  [
    'the one that is clearly less full when everybody is full',
    [
      [200, 90, 1.5],
      [180, 10, 0.99],
    ],
    1,
  ],
]

for (const [why, workers, chosen] of cases) {
  test(`chosen: ${why}`, () => {
    const candidates = workers.map(([endpoints, belongs, load], worker) => ({ worker, endpoints, belongs, load }))
    assert.equal(chooseWorker(candidates), chosen)
  })
}

test('the load is what was measured, and a guess for what was opened since', () => {
  const load = new WorkerLoad()
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`)
  near(load.cores(0), 0)
  near(load.cores(30), 0.03)
  load.measured(10, 30, 1000)
  near(load.cores(30), 0)
  load.measured(11, 100, 3000)
  near(load.cores(100), 0.5)
  near(load.cores(150), 0.75)
  near(load.cores(80), 0.5)
  // Started again.
  load.measured(0.5, 0, 5000)
  near(load.cores(0), 0)
  load.measured(1, 10, 7000)
  near(load.cores(10), 0.25)
})

test('a room that grows faster than loads are measured spreads all the same', () => {
  const loads = [new WorkerLoad(), new WorkerLoad()]
  const endpoints = [0, 0]
  for (let i = 0; i < 2000; i++) {
    const candidates = loads.map((load, worker) => {
      const count = endpoints[worker]!
      return { worker, endpoints: count, belongs: count, load: load.cores(count) }
    })
    endpoints[chooseWorker(candidates)!]!++
  }
  assert.ok(Math.abs(endpoints[0]! - endpoints[1]!) < 200, `${endpoints}`)
})
