import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratioOf, spreadOf, spreadText } from './spread.js'

test('a ratio is that of each run, and runs that only one of the two has do not count', () => {
  assert.deepEqual(ratioOf([1, 4, 9], [2, 2, 2]), { median: 2, min: 0.5, max: 4.5 })
  assert.deepEqual(ratioOf([1, undefined, 9, 6], [2, 2, undefined, 2]), { median: 1.75, min: 0.5, max: 3 })
})

test('what nobody measured has no figure', () => {
  assert.equal(spreadText(ratioOf([undefined, 1], [1])), '–')
  assert.equal(spreadText(spreadOf([])), '–')
  assert.equal(spreadText(spreadOf([2, 1, 300])), '2.00 (1.00–300)')
})
