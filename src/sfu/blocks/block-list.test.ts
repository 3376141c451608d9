import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryBlocks } from '../testing/memory-blocks.js'
import { BlockList, MAX_BLOCKS_PER_USER } from './block-list.js'
import type { BlockStore } from './store.js'

test('blocks of held users are known at once, those of others are not kept', async () => {
  const list = new BlockList(memoryBlocks())
  await list.hold('a')
  assert.equal(await list.set('a', 'b', true), 'changed')
  assert.equal(await list.set('a', 'b', true), 'unchanged')
  assert.deepEqual([list.between('a', 'b'), list.between('b', 'a'), list.between('a', 'c')], [true, true, false])
  list.release('a')
  assert.deepEqual([list.held, list.between('a', 'b')], [0, false])
  await Promise.all([list.hold('a'), list.hold('a')])
  list.release('a')
  assert.ok(list.between('a', 'b'))
  assert.equal(await list.set('a', 'b', false), 'changed')
  assert.equal(await list.set('a', 'b', false), 'unchanged')
  list.release('a')
  list.release('a')
  assert.equal(list.held, 0)
})

test('changes of one owner reach the store one after the other, in order, and count when stored', async () => {
  const memory = memoryBlocks()
  const steps: string[] = []
  const pending: (() => void)[] = []
  const slow = (name: 'add' | 'remove') => async (owner: string, whom: string) => {
    steps.push(`${name} ${whom}`)
    await new Promise<void>((done) => pending.push(done))
    await memory[name](owner, whom)
  }
  const list = new BlockList({ ...memory, add: slow('add'), remove: slow('remove') })
  await list.hold('a')
  const changes = Promise.all([list.set('a', 'b', true), list.set('a', 'b', false), list.set('a', 'c', true)])
  list.release('a')
  await new Promise(setImmediate)
  assert.deepEqual([steps, list.between('a', 'b'), list.held], [['add b'], false, 1])
  while (steps.length < 3 || pending.length > 0) {
    pending.shift()?.()
    await new Promise(setImmediate)
  }
  assert.deepEqual(await changes, ['changed', 'changed', 'changed'])
  assert.deepEqual(steps, ['add b', 'remove b', 'add c'])
  assert.deepEqual([await memory.load('a'), list.held], [['c'], 0])
})

test('a store that fails changes nothing and spoils nothing that comes later', async () => {
  let broken = true
  const memory = memoryBlocks()
  const failing = <T>(work: () => Promise<T>) => (broken ? Promise.reject(new Error('gone')) : work())
  const store: BlockStore = {
    load: (owner) => failing(() => memory.load(owner)),
    add: (owner, whom) => failing(() => memory.add(owner, whom)),
    remove: (owner, whom) => failing(() => memory.remove(owner, whom)),
  }
  const list = new BlockList(store)
  const attempts = await Promise.allSettled([list.hold('a'), list.hold('a')])
  assert.deepEqual(
    attempts.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(list.held, 0)
  broken = false
  await list.hold('a')
  broken = true
  await assert.rejects(list.set('a', 'b', true), /gone/)
  assert.equal(list.between('a', 'b'), false)
  broken = false
  assert.equal(await list.set('a', 'b', true), 'changed')
  list.release('a')
  assert.equal(list.held, 0)
})

test('the number of blocks of one user is bounded', async () => {
  const full = Array.from({ length: MAX_BLOCKS_PER_USER }, (_, index) => `u${index}`)
  const list = new BlockList({ ...memoryBlocks(), load: async () => full })
  await list.hold('a')
  assert.equal(await list.set('a', 'one more', true), 'too_many')
  assert.equal(await list.set('a', 'u7', true), 'unchanged')
  assert.equal(await list.set('a', 'u7', false), 'changed')
  assert.equal(await list.set('a', 'one more', true), 'changed')
})
