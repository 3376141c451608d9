import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MAX_SENDERS, Senders } from './senders.js'

const LONGEST = 256
/** A copy of its own each time, as the channel between processes makes it. */
const copyOf = (user: string) => Buffer.from(user.padEnd(LONGEST, '.')).toString('latin1')

test('messages of one user share the name, however many copies of it come', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const COUNT = 40_000
  const senders = new Senders()
  const heldBytes = (name: (copy: string) => string) => {
    const held = Array<string>(COUNT).fill('')
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < COUNT; i++) held[i] = name(copyOf(`user ${i % 7}`))
    collect()
    const bytes = process.memoryUsage().heapUsed - before
    assert.deepEqual([held[7], held[COUNT - 1]], [copyOf('user 0'), copyOf(`user ${(COUNT - 1) % 7}`)])
    return bytes
  }
  const own = heldBytes((copy) => copy)
  const shared = heldBytes((copy) => senders.of(copy))
  assert.ok(own > COUNT * LONGEST && shared < (COUNT * LONGEST) / 4, `${own} bytes, and ${shared} when they are shared`)
})

test('the number of users who are known is bounded; those who are not have their names all the same', () => {
  const senders = new Senders()
  const names = Array.from({ length: MAX_SENDERS + 100 }, (_, i) => copyOf(`user ${i}`))
  for (const name of [...names, ...names.slice(0, 10)]) assert.equal(senders.of(name), name)
  assert.equal(senders.size, MAX_SENDERS)
})
