import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { MessageBatch } from './message-batch.js'

test('what is added within a turn is written once, in its order', async () => {
  const written: number[][] = []
  const batch = new MessageBatch<number>((messages) => written.push(messages))
  const immediate = new Promise<void>((resolve) => {
    setImmediate(() => {
      // Whatever was to be said when this turn began has been written.
      assert.deepEqual(written, [[1, 2]])
      resolve()
    })
  })
  await Promise.resolve().then(() => batch.add(1))
  await Promise.resolve()
  batch.add(2)
  assert.deepEqual(written, [])
  await immediate
  batch.add(3)
  batch.flush()
  assert.deepEqual(written, [[1, 2], [3]])
  batch.add(4)
  batch.clear()
  batch.flush()
  await turn()
  batch.add(5)
  await turn()
  assert.deepEqual(written, [[1, 2], [3], [5]])
})

test('what is added while it is written goes with the next', () => {
  const written: number[][] = []
  const batch = new MessageBatch<number>((messages) => {
    written.push(messages)
    if (messages[0] === 1) batch.add(2)
  })
  batch.add(1)
  batch.flush()
  batch.flush()
  assert.deepEqual(written, [[1], [2]])
})
