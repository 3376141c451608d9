import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryBlocks } from '../sfu/testing/memory-blocks.js'
import { watchedBlocks } from './watched-blocks.js'

test('a block that could not be stored is a problem until one is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-watched-'))
  let broken = false
  const memory = memoryBlocks()
  const add = async (owner: string, whom: string) => {
    if (broken) throw new Error('no space left')
    return memory.add(owner, whom)
  }
  const store = watchedBlocks({ ...memory, add }, folder)
  assert.equal(await store.problem(), undefined)
  broken = true
  await assert.rejects(store.add('a', 'b'), /no space left/)
  assert.equal(await store.problem(), 'the last block could not be stored: no space left')
  broken = false
  await store.add('a', 'b')
  assert.equal(await store.problem(), undefined)
  assert.deepEqual(await store.load('a'), ['b'])
  rmSync(folder, { recursive: true })
  assert.equal(await store.problem(), 'the data folder cannot be written (ENOENT)')
})
