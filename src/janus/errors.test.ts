import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failure, isFailure, janusErrors } from './errors.js'

test('J-099 every code of Janus once, with a text', () => {
  const codes = Object.values(janusErrors).map(({ code }) => code)
  assert.deepEqual(
    codes,
    [
      403, 405, 450, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 463, 464, 465, 466, 467, 468, 469, 470, 471,
      472, 490,
    ],
  )
  for (const { text } of Object.values(janusErrors)) assert.ok(text.length > 0)
})

test('failures carry the default text, or a bounded one', () => {
  assert.deepEqual(failure('UNKNOWN'), { error: { code: 490, reason: 'Unknown error' } })
  assert.equal(failure('UNKNOWN', 'x'.repeat(10_000)).error.reason.length, 511)
  assert.equal(isFailure(failure('UNKNOWN')), true)
  assert.equal(isFailure({ janus: 'ack' }), false)
})
