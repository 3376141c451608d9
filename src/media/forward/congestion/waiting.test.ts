import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Waiting } from './waiting.js'

test('waiting: first come, first served, while it grows and goes round', () => {
  const waiting = new Waiting<string, number>()
  let pushed = 0
  let taken = 0
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 50; i++) assert.ok(waiting.push(`s${pushed % 3}`, pushed % 5, pushed++, 100, round))
    for (let i = 0; i < 30; i++, taken++) {
      assert.equal(waiting.extSeq, taken)
      assert.equal(waiting.subscription, `s${taken % 3}`)
      assert.equal(waiting.source, taken % 5)
      waiting.shift()
    }
    assert.equal(waiting.size, pushed - taken)
    assert.equal(waiting.totalBytes, (pushed - taken) * 100)
  }
  while (waiting.size > 0) waiting.shift()
  assert.equal(waiting.totalBytes, 0)
  assert.equal(waiting.ageMs(1000), 0)
})

test('waiting: how long, and no more than there is room for', () => {
  const waiting = new Waiting<string, number>()
  for (let i = 0; i < 2048; i++) assert.ok(waiting.push('s', 0, i, 1, i))
  assert.equal(waiting.push('s', 0, 2048, 1, 2048), false)
  assert.equal(waiting.ageMs(3000), 3000)
  waiting.shift()
  assert.equal(waiting.ageMs(3000), 2999)
  assert.ok(waiting.push('s', 0, 2048, 1, 2048))
})
