import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_SSRCS, type Source, SsrcTable } from './ssrc-table.js'

const source = (ssrc: number, stream: string, lastMs = 0): Source<string> => ({
  ssrc,
  stream,
  rtx: false,
  repairs: -1,
  replaced: false,
  lastMs,
})

test('SSRC table: finds any 32-bit value, and what was added last under it', () => {
  const table = new SsrcTable<string>()
  for (const ssrc of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
    assert.equal(table.add(source(ssrc, `${ssrc}`)), true)
  for (const ssrc of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) assert.equal(table.find(ssrc)!.stream, `${ssrc}`)
  assert.equal(table.find(2), undefined)
  table.add(source(1, 'again'))
  assert.equal(table.size, 5)
  assert.equal(table.find(1)!.stream, 'again')
})

test('SSRC table: removing a stream removes all of its SSRCs and no other', () => {
  const table = new SsrcTable<string>()
  for (let ssrc = 0; ssrc < 10; ssrc++) table.add(source(ssrc, ssrc % 2 === 0 ? 'even' : 'odd'))
  table.remove('even')
  assert.equal(table.size, 5)
  for (let ssrc = 0; ssrc < 10; ssrc++) assert.equal(table.find(ssrc)?.stream, ssrc % 2 === 0 ? undefined : 'odd')
  const seen: number[] = []
  table.forEach('odd', ({ ssrc }) => seen.push(ssrc))
  assert.deepEqual(seen, [1, 3, 5, 7, 9])
})

test('SSRC table: when full, only who has been silent for five seconds gives way', () => {
  const table = new SsrcTable<string>()
  for (let ssrc = 0; ssrc < MAX_SSRCS; ssrc++) table.add(source(ssrc, 'x', ssrc === 9 ? 1000 : 2000))
  assert.equal(table.add(source(500, 'x', 5999)), false)
  assert.equal(table.find(500), undefined)
  assert.equal(table.add(source(500, 'x', 6000)), true)
  assert.equal(table.find(9), undefined)
  assert.equal(table.size, MAX_SSRCS)
})
