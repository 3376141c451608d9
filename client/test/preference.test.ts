import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preferOf } from '../src/preference.js'

test('m-lines that it is not about are not limited', () => {
  assert.deepEqual(preferOf({ maxLayer: 0 }, ['3', '4']), {
    video: { max_spatial: 0 },
    tracks: [{ mid: '3' }, { mid: '4' }],
  })
})

test('only what is said is sent', () => {
  assert.deepEqual(preferOf({}), { video: {} })
  assert.deepEqual(preferOf({ maxWidth: 640, maxHeight: 360 }), { video: { max_width: 640, max_height: 360 } })
  assert.deepEqual(preferOf({ maxLayer: 0, paused: false }), { video: { max_spatial: 0, paused: false } })
})
