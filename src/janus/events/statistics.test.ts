import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HandleFigures } from '../handle-info.js'
import { attached } from '../testing/client.js'
import { tellStatistics } from './statistics.js'

/** A gateway with one handle, and what its plugin is asked and event handlers are told. */
function scene() {
  const world = attached()
  const { gateway, clock, log, plugin, ids } = world
  const mine: HandleFigures = { sessionId: ids.session_id, handleId: ids.handle_id, media: [] }
  const told: [handle: number, figures: HandleFigures][] = []
  const seen = { asked: 0, behind: false, told }
  plugin.passed = async () => {
    seen.asked++
    return [mine, { ...mine, handleId: 1 }, { ...mine, sessionId: 2 }]
  }
  const stop = tellStatistics({
    ...{ core: gateway, clock, log, periodMs: 5_000 },
    events: { statistics: ({ id }, figures) => told.push([id, figures]) },
    isBehind: () => seen.behind,
  })
  /** Lets time pass, and answers come. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { ...world, seen, mine, stop, pass }
}

test('once per period, of handles that are there', async () => {
  const { seen, mine, ids, pass } = scene()
  await pass(4_999)
  assert.deepEqual([seen.asked, seen.told], [0, []])
  await pass(1)
  assert.deepEqual([seen.asked, seen.told], [1, [[ids.handle_id, mine]]])
  await pass(5_000)
  assert.deepEqual([seen.asked, seen.told.length], [2, 2])
})

test('nothing while too much waits, and no second question before the first is answered', async () => {
  const { seen, mine, plugin, pass } = scene()
  seen.behind = true
  await pass(5_000)
  assert.equal(seen.asked, 0)
  seen.behind = false
  let answer = (_: HandleFigures[]) => {}
  plugin.passed = () => {
    seen.asked++
    return new Promise((resolve) => (answer = resolve))
  }
  await pass(5_000)
  await pass(5_000)
  assert.equal(seen.asked, 1)
  answer([mine])
  await pass(0)
  await pass(5_000)
  assert.deepEqual([seen.asked, seen.told.length], [2, 1])
  seen.behind = true
  answer([mine])
  await pass(0)
  assert.equal(seen.told.length, 1)
})

test('ends when told to, be it before an answer', async () => {
  const { seen, mine, plugin, clock, stop, pass } = scene()
  let answer = (_: HandleFigures[]) => {}
  plugin.passed = () => new Promise((resolve) => (answer = resolve))
  await pass(5_000)
  const before = clock.timers
  stop()
  assert.equal(clock.timers, before - 1)
  answer([mine])
  await pass(10_000)
  assert.deepEqual(seen.told, [])
})

test('a plugin that throws is a bug, and is asked again', async () => {
  const { seen, plugin, log, pass } = scene()
  const { passed } = plugin
  plugin.passed = () => Promise.reject(new Error('made up'))
  await pass(5_000)
  assert.deepEqual(log.lines.splice(0), ['error: a plugin threw: this is a bug'])
  plugin.passed = passed
  await pass(5_000)
  assert.deepEqual([seen.told.length, log.lines], [1, []])
})
