import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SequenceMap } from './sequence-map.js'
import { Cell, StateRows } from './state-rows.js'
import { Timestamps } from './timestamps.js'

test('rows do not overlap, and keep their numbers when the array grows', () => {
  const rows = new StateRows()
  const taken = Array.from({ length: 100 }, () => rows.take())
  assert.equal(new Set(taken).size, 100)
  const first = new StateRows()
  const at = Array.from({ length: 3 }, () => first.take())
  for (const [index, row] of at.entries()) first.cells.fill(index + 1, row, row + Cell.stride)
  for (let row = 0; row < 1000; row++) first.take()
  for (const [index, row] of at.entries())
    assert.deepEqual([...first.cells.subarray(row, row + Cell.stride)], new Array(Cell.stride).fill(index + 1))
})

test('a row that was given back is taken again, as zeros', () => {
  const rows = new StateRows()
  const at = rows.take()
  rows.cells.fill(7, at, at + Cell.stride)
  rows.give(at)
  assert.equal(rows.taken, 0)
  assert.equal(rows.take(), at)
  assert.equal(rows.taken, 1)
  assert.ok(rows.cells.subarray(at, at + Cell.stride).every((cell) => cell === 0))
})

test('maps that share rows go on through growth', () => {
  const rows = new StateRows()
  const map = new SequenceMap(100, rows)
  const timestamps = new Timestamps(1000, 90_000, rows)
  assert.equal(map.map(5), 100)
  const sent = { timestamp: 0 }
  timestamps.map({ view: { timestamp: 10 }, nowMs: 0 }, sent)
  assert.equal(sent.timestamp, 1010)
  for (let row = 0; row < 1000; row++) rows.take()
  map.drop(6)
  assert.equal(map.map(7), 101)
  assert.equal(map.reverse(100), 5)
  timestamps.map({ view: { timestamp: 20 }, nowMs: 1 }, sent)
  assert.equal(sent.timestamp, 1020)
})
