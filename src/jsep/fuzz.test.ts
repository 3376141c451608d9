import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fuzz } from '../../fuzz/sdp.js'
import { recorded, recordings } from './testing/recorded.js'

const corpus = join(process.cwd(), 'fuzz/corpus/sdp')

test('replays the corpus', () => {
  const names = readdirSync(corpus)
  assert.ok(names.length > 0)
  for (const name of names) assert.doesNotThrow(() => fuzz(readFileSync(join(corpus, name))), name)
})

test('every beginning of a recorded SDP', () => {
  const bytes = new TextEncoder().encode(recorded('chrome-0064-A-client-offer'))
  for (let length = 0; length < bytes.length; length += 7) {
    assert.doesNotThrow(() => fuzz(bytes.subarray(0, length)), String(length))
  }
})

test('recorded SDPs', () => {
  for (const name of recordings) assert.doesNotThrow(() => fuzz(new TextEncoder().encode(recorded(name))), name)
})
