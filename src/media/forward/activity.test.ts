import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Activity } from './activity.js'

/** @returns it, and what was told since the last look */
function activity(noMediaMs: number): { line: Activity; told: () => unknown[] } {
  const said: unknown[] = []
  const line = new Activity({ noMediaMs, slowlinkThreshold: 0 }, (receiving, silentMs) =>
    said.push(receiving ? 'begins' : `silent for ${silentMs}`),
  )
  return { line, told: () => said.splice(0) }
}

test('silence is noticed after a second, and told after as long as operators want', () => {
  const { line, told } = activity(3000)
  assert.equal(line.expire(0), Number.POSITIVE_INFINITY)
  assert.deepEqual([line.heard(100), line.heard(200), told()], [true, false, ['begins']])
  assert.equal(line.expire(1199), 1200)
  assert.equal(line.receiving, true)
  assert.equal(line.expire(1200), 3200)
  assert.deepEqual([line.receiving, told()], [false, []])
  assert.deepEqual([line.heard(2000), told()], [true, []], 'nobody had heard of the pause')
  assert.equal(line.expire(3000), 5000)
  assert.equal(line.expire(5000), Number.POSITIVE_INFINITY)
  assert.deepEqual(told(), ['silent for 3000'])
  assert.deepEqual([line.heard(9000), told()], [true, ['begins']])
})

test('silence that operators do not want to hear of is not told, and the end of a line once', () => {
  const { line, told } = activity(0)
  line.heard(0)
  assert.equal(line.expire(60_000), Number.POSITIVE_INFINITY)
  assert.deepEqual([line.receiving, told()], [false, ['begins']])
  line.end(true)
  line.end(true)
  assert.deepEqual(told(), ['silent for undefined'])
})
