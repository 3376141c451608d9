import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendSlot, dataMid, offeredMlines, subscriberSlots } from './slots.js'
import { seeded } from './testing/recorded.js'

test('a subscriber begins with one audio and one video m-line', () => {
  const numbers = [10, 11, 12, 13]
  assert.deepEqual(
    subscriberSlots(() => numbers.shift()!),
    [
      { mid: '0', kind: 'audio', index: 0, ssrc: 10, rtxSsrc: 11 },
      { mid: '1', kind: 'video', index: 0, ssrc: 12, rtxSsrc: 13 },
    ],
  )
})

test('SSRCs are never 0 and never the same', () => {
  const numbers = [0, 5, 5, 0, 6, 6, 5, 7, 2 ** 32 + 7, 8]
  const ssrcs = subscriberSlots(() => numbers.shift()!).flatMap(({ ssrc, rtxSsrc }) => [ssrc, rtxSsrc])
  assert.deepEqual(ssrcs, [5, 6, 7, 8])
})

test('a source of random numbers that repeats itself is a bug', () => {
  assert.throws(() => subscriberSlots(() => 1), /repeats itself/)
})

test('appending changes nothing that is there, and skips the mid of the data m-line', () => {
  const random = seeded(3)
  const first = Object.freeze(subscriberSlots(random))
  const slots = appendSlot(appendSlot(first, 'video', random), 'video', random)
  assert.deepEqual(slots.slice(0, 2), first)
  assert.deepEqual(
    slots.slice(2).map(({ mid, kind, index }) => ({ mid, kind, index })),
    [
      { mid: '3', kind: 'video', index: 1 },
      { mid: '4', kind: 'video', index: 2 },
    ],
  )
  assert.deepEqual(
    offeredMlines(slots).map(({ mid }) => mid),
    ['0', '1', dataMid, '3', '4'],
  )
})
