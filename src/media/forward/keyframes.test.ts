import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyframeRequests } from './keyframes.js'

test('keyframe requests: one at once, the next after half a second, until a keyframe comes', () => {
  const requests = new KeyframeRequests()
  assert.equal(requests.take(0), false)
  assert.equal(requests.deadlineMs, Number.POSITIVE_INFINITY)
  requests.want()
  assert.equal(requests.take(0), true)
  for (const [nowMs, sent] of [
    [1, false],
    [499, false],
    [500, true],
    [501, false],
    [1000, true],
  ] as const) {
    assert.equal(requests.take(nowMs), sent, `at ${nowMs}`)
  }
  assert.equal(requests.deadlineMs, 1500)
  requests.satisfied()
  assert.equal(requests.take(5000), false)
})

test('keyframe requests: a keyframe does not open the window earlier', () => {
  const requests = new KeyframeRequests()
  requests.want()
  assert.equal(requests.take(0), true)
  requests.satisfied()
  requests.want()
  assert.equal(requests.take(100), false)
  assert.equal(requests.deadlineMs, 500)
  assert.equal(requests.take(500), true)
})

test('keyframe requests: a storm of 300 askers makes at most two a second', () => {
  const requests = new KeyframeRequests()
  const sentAt: number[] = []
  for (let nowMs = 0; nowMs < 3000; nowMs += 3) {
    for (let i = 0; i < 3; i++) {
      requests.want()
      if (requests.take(nowMs)) sentAt.push(nowMs)
    }
    if (nowMs % 300 === 0) requests.satisfied()
  }
  assert.ok(sentAt.length >= 5, `${sentAt.length}`)
  for (let i = 1; i < sentAt.length; i++) assert.ok(sentAt[i]! - sentAt[i - 1]! >= 500)
})

test('keyframe requests: a publisher that never answers is asked less often, and at full rate after it did', () => {
  const requests = new KeyframeRequests()
  requests.want()
  let nowMs = 0
  for (let i = 0; i < 10; i++) {
    assert.equal(requests.take(nowMs), true)
    nowMs = requests.deadlineMs
  }
  assert.equal(requests.take(nowMs - 1), false)
  assert.equal(nowMs, 9 * 500 + 2000)
  assert.equal(requests.take(nowMs), true)
  requests.satisfied()
  requests.want()
  assert.equal(requests.deadlineMs, nowMs + 500)
})
