import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from '../src/backoff.js'
import { RoomError, worthRetrying } from '../src/errors.js'
import { Lifecycle } from '../src/lifecycle.js'

test('delays double from half a second to ten, and jitter only shortens them', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => backoffMs(attempt, 0))
  assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
  assert.equal(backoffMs(1, 0.999), 250)
  assert.equal(backoffMs(6, 0.5), 7_500)
})

test('a first attempt that fails is final', () => {
  const lifecycle = new Lifecycle(false)
  assert.equal(lifecycle.ended('lost', 0, 0), undefined)
  assert.equal(lifecycle.state, 'failed')
})

test('unless the room is told to keep trying', () => {
  const lifecycle = new Lifecycle(true)
  assert.equal(lifecycle.ended('lost', 0, 0), 500)
  assert.equal(lifecycle.ended('lost', 500, 0), 1_000)
  assert.equal(lifecycle.state, 'reconnecting')
  lifecycle.joined(2_000)
  assert.equal(lifecycle.state, 'joined')
})

test('after a good connection the delays start again; after a short one they go on', () => {
  const lifecycle = new Lifecycle(false)
  lifecycle.joined(0)
  assert.equal(lifecycle.ended('lost', 60_000, 0), 500)
  assert.equal(lifecycle.ended('lost', 61_000, 0), 1_000)
  lifecycle.joined(62_000)
  assert.equal(lifecycle.ended('lost', 63_000, 0), 2_000)
  lifecycle.joined(65_000)
  assert.equal(lifecycle.ended('lost', 75_000, 0), 500)
})

for (const [ending, state] of [
  ['goodbye', 'closed'],
  ['refused', 'failed'],
] as const) {
  test(`${ending} ends in ${state}, for good`, () => {
    const lifecycle = new Lifecycle(true)
    lifecycle.joined(0)
    assert.equal(lifecycle.ended(ending, 20_000, 0), undefined)
    assert.equal(lifecycle.state, state)
    lifecycle.joined(21_000)
    assert.equal(lifecycle.ended('lost', 22_000, 0), undefined)
    lifecycle.left()
    assert.equal(lifecycle.state, state)
  })
}

test('leaving closes', () => {
  const lifecycle = new Lifecycle(false)
  lifecycle.joined(0)
  lifecycle.left()
  assert.equal(lifecycle.state, 'closed')
  assert.equal(lifecycle.over, true)
})

for (const [kind, code, expected] of [
  ['disconnected', undefined, true],
  ['timeout', undefined, true],
  ['janus', 458, true],
  ['refused', 'room_full', true],
  ['refused', 'no_media_worker', true],
  ['refused', 'too_many_peer_connections', true],
  ['refused', 'too_many_listeners', true],
  ['refused', 'token_expired', false],
  ['refused', undefined, false],
  ['removed', undefined, false],
  ['usage', undefined, false],
] as const) {
  test(`${kind} ${code ?? ''} is ${expected ? '' : 'not '}worth retrying`, () => {
    assert.equal(worthRetrying(new RoomError(kind, 'x', code)), expected)
  })
}
