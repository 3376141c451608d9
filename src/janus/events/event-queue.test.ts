import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventQueue } from './event-queue.js'

test('beyond so many events the oldest go', () => {
  const queue = new EventQueue({ events: 3, characters: 100 })
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((json) => queue.add(json)),
    [0, 0, 0, 1],
  )
  assert.deepEqual([queue.take(2), queue.take(9), queue.length], [['b', 'c'], ['d'], 0])
})

test('beyond so many characters too, and what is too long alone is not kept', () => {
  const queue = new EventQueue({ events: 100, characters: 10 })
  assert.deepEqual([queue.add('12345'), queue.add('67890'), queue.add('x')], [0, 0, 1])
  assert.equal(queue.add('y'.repeat(11)), 3)
  assert.equal(queue.length, 0)
  assert.equal(queue.add('z'.repeat(10)), 0)
  assert.deepEqual(queue.take(1), ['zzzzzzzzzz'])
})
