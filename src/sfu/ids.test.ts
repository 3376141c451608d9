import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idSchema } from './ids.js'

test('ids: strings of 1 to 256 characters without control characters, safe integers as decimal strings', () => {
  const taken: [unknown, string][] = [
    ['a', 'a'],
    [' ', ' '],
    ['x'.repeat(256), 'x'.repeat(256)],
    ['😀'.repeat(256), '😀'.repeat(256)],
    [0, '0'],
    [-0, '0'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ]
  for (const [value, id] of taken) assert.equal(idSchema.parse(value), id)
  const refused = ['', 'x'.repeat(257), '😀'.repeat(257), 'a\u0000', 'a\u007f', '\u0085', '\ud800', 1.5, 2 ** 53]
  for (const value of [...refused, Number.NaN, null, undefined, true, {}, ['a']]) {
    assert.equal(idSchema.safeParse(value).success, false, JSON.stringify(value))
  }
})
