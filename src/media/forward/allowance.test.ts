import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allowance } from './allowance.js'

test('an allowance grants so much at once, then as much as time has earned', () => {
  const allowance = new Allowance(0.5, 10)
  const grants = (rows: [number, number][]) => rows.map(([count, nowMs]) => allowance.take(count, nowMs))
  assert.deepEqual(
    grants([
      [4, 1000],
      [8, 1000],
      [1, 1001],
      [1, 1002],
      [3, 1007],
      [99, 9000],
      [0, 9000],
      [1, 8000],
      [1, 8002],
    ]),
    [4, 6, 0, 1, 2, 10, 0, 0, 1],
  )
})
