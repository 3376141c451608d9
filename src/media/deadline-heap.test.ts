import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DeadlineHeap, type Due, newDue } from './deadline-heap.js'

interface Item extends Due {
  name: number
}
const item = (name: number): Item => ({ name, ...newDue() })

test('an empty heap is due never', () => {
  const heap = new DeadlineHeap<Item>()
  assert.deepEqual([heap.size, heap.earliestMs, heap.takeDue(1e9)], [0, Number.POSITIVE_INFINITY, undefined])
})

test('items come out in the order of their times, and not before them', () => {
  const heap = new DeadlineHeap<Item>()
  for (const dueMs of [50, 10, 40, 10, 30, 20]) heap.set(item(dueMs), dueMs)
  assert.equal(heap.takeDue(9), undefined)
  const taken: number[] = []
  for (let next = heap.takeDue(35); next; next = heap.takeDue(35)) taken.push(next.name)
  assert.deepEqual([taken, heap.earliestMs, heap.size], [[10, 10, 20, 30], 40, 2])
})

test('an item has one entry: it moves, and Infinity takes it out', () => {
  const heap = new DeadlineHeap<Item>()
  const [a, b] = [item(1), item(2)]
  heap.set(a, 10)
  heap.set(b, 20)
  heap.set(a, 30)
  assert.deepEqual([heap.size, heap.earliestMs], [2, 20])
  heap.set(b, Number.POSITIVE_INFINITY)
  assert.deepEqual([heap.size, heap.earliestMs, b.heapIndex], [1, 30, -1])
  heap.remove(b)
  heap.remove(a)
  heap.remove(a)
  assert.equal(heap.size, 0)
})

test('whatever is set and removed, the earliest is first', () => {
  const change = fc.tuple(fc.nat(15), fc.option(fc.nat(30), { nil: Number.POSITIVE_INFINITY }))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const heap = new DeadlineHeap<Item>()
      const items = Array.from({ length: 16 }, (_, name) => item(name))
      const times = new Map<Item, number>()
      for (const [name, dueMs] of changes) {
        const changed = items[name]!
        heap.set(changed, dueMs)
        if (dueMs === Number.POSITIVE_INFINITY) times.delete(changed)
        else times.set(changed, dueMs)
        assert.equal(heap.size, times.size)
        assert.equal(heap.earliestMs, Math.min(...times.values()))
      }
      const taken: (number | undefined)[] = []
      for (let next = heap.takeDue(30); next; next = heap.takeDue(30)) taken.push(times.get(next))
      assert.deepEqual(
        taken,
        [...times.values()].sort((a, b) => a - b),
      )
    }),
    { numRuns: 200 },
  )
})
