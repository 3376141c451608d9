import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndOfTurn } from './end-of-turn.js'

/** Something due, that must not break. */
const due = (endOfTurn: () => void) => ({ endOfTurn, broke: (error: unknown) => assert.fail(String(error)) })

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

test('everything of a turn runs once, in order; what is added meanwhile runs at the end of the next', async () => {
  const endOfTurn = new EndOfTurn()
  const ran: string[] = []
  endOfTurn.add(
    due(() => {
      ran.push('first')
      endOfTurn.add(due(() => ran.push('next turn')))
    }),
  )
  endOfTurn.add(due(() => ran.push('second')))
  assert.deepEqual(ran, [])
  await nextTurn()
  assert.deepEqual(ran, ['first', 'second'])
  await nextTurn()
  assert.deepEqual(ran, ['first', 'second', 'next turn'])
})

test('a turn that takes long is not waited for', async () => {
  let nowMs = 0
  const endOfTurn = new EndOfTurn(() => nowMs)
  const ran: number[] = []
  for (const index of [0, 1, 2, 3]) {
    endOfTurn.add(due(() => ran.push(index)))
    nowMs += 30
  }
  assert.deepEqual(ran, [0, 1, 2])
  await nextTurn()
  assert.deepEqual(ran, [0, 1, 2, 3])
})

test('what throws is told so, and everybody else is called all the same', async () => {
  const endOfTurn = new EndOfTurn()
  const ran: string[] = []
  const bug = new Error('a bug')
  endOfTurn.add(due(() => ran.push('before')))
  endOfTurn.add({
    endOfTurn() {
      throw bug
    },
    broke: (error) => ran.push(error === bug ? 'broke' : 'another error'),
  })
  endOfTurn.add(due(() => ran.push('after')))
  await nextTurn()
  assert.deepEqual(ran, ['before', 'broke', 'after'])
})
