import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_SENDERS, Senders } from './senders.js'

test('a user of a room keeps the number, and no two have the same', () => {
  const senders = new Senders()
  const names = [
    ['hall', 'ann'],
    ['hall', 'bob'],
    ['cellar', 'ann'],
    ['hal', 'lann'],
  ] as const
  const numbers = names.map(([room, user]) => senders.speaks(room, user))
  assert.equal(new Set(numbers).size, names.length)
  assert.ok(numbers.every((number) => Number.isInteger(number) && number >= 0))
  for (const [i, [room, user]] of names.entries()) {
    assert.deepEqual([senders.numberOf(room, user), senders.speaks(room, user)], [numbers[i], numbers[i]])
  }
  assert.equal(senders.numberOf('cellar', 'bob'), undefined)
})

test('of too many users those who have been silent longest lose their number, which nobody gets', () => {
  const senders = new Senders()
  const [ann, bob] = [senders.speaks('hall', 'ann'), senders.speaks('hall', 'bob')]
  for (let i = 2; i < MAX_SENDERS; i++) senders.speaks('hall', `user ${i}`)
  senders.speaks('hall', 'ann')
  const newest = senders.speaks('hall', 'one more')
  assert.deepEqual([senders.numberOf('hall', 'ann'), senders.numberOf('hall', 'bob')], [ann, undefined])
  const again = senders.speaks('hall', 'bob')
  assert.ok(again > newest && again !== bob)
  assert.equal(senders.numberOf('hall', 'user 2'), undefined)
})
