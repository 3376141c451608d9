import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rooms } from './rooms.js'

const place = (room: string, user: string, receivesData = true) => ({
  room,
  user,
  session: 1,
  relaysData: true,
  receivesData,
})

test('only endpoints of one room hear each other', () => {
  const rooms = new Rooms()
  rooms.place(1, place('alpha', 'ann'))
  rooms.place(2, place('alpha', 'bob'))
  rooms.place(3, place('beta', 'cid'))
  const table: [listener: number, speaker: number, may: boolean][] = [
    [1, 2, true],
    [2, 1, true],
    [1, 3, false],
    [3, 1, false],
    [1, 9, false],
    [9, 1, false],
  ]
  for (const [listener, speaker, may] of table) assert.equal(rooms.mayHear(listener, speaker), may)
})

test('a block works both ways, in its room only, and its end restores both', () => {
  const rooms = new Rooms()
  rooms.block('alpha', ['ann', 'bob'], true)
  rooms.place(1, place('alpha', 'ann'))
  rooms.place(2, place('alpha', 'bob'))
  rooms.place(3, place('beta', 'ann'))
  rooms.place(4, place('beta', 'bob'))
  assert.deepEqual([rooms.mayHear(1, 2), rooms.mayHear(2, 1), rooms.mayHear(3, 4)], [false, false, true])
  rooms.block('alpha', ['bob', 'ann'], false)
  assert.deepEqual([rooms.mayHear(1, 2), rooms.mayHear(2, 1)], [true, true])
})

test('data goes to the others that want it', () => {
  const rooms = new Rooms()
  rooms.place(1, place('alpha', 'ann'))
  rooms.place(2, place('alpha', 'ann'))
  rooms.place(3, place('alpha', 'bob'))
  rooms.place(4, place('alpha', 'cid', false))
  rooms.place(5, place('alpha', 'dan'))
  rooms.block('alpha', ['ann', 'dan'], true)
  const receiversOf = (room: string, user: string) => {
    const receivers: number[] = []
    rooms.forReceivers(room, user, (receiver) => receivers.push(receiver))
    return receivers
  }
  assert.deepEqual(receiversOf('alpha', 'ann'), [3])
  assert.deepEqual(receiversOf('alpha', 'bob'), [1, 2, 5])
  assert.deepEqual(receiversOf('nowhere', 'bob'), [])
})

test('nothing is kept of a room that is empty and unblocked', () => {
  const rooms = new Rooms()
  rooms.place(1, place('alpha', 'ann'))
  rooms.block('alpha', ['ann', 'bob'], true)
  rooms.spread('alpha', true)
  rooms.remove(1)
  rooms.remove(1)
  assert.equal(rooms.size, 1)
  rooms.spread('alpha', false)
  rooms.forget('alpha')
  assert.equal(rooms.size, 0)
})

test('to forget a room ends that others have it too', () => {
  const rooms = new Rooms()
  rooms.spread('alpha', true)
  assert.deepEqual([rooms.size, rooms.isSpread('alpha')], [1, true])
  rooms.forget('alpha')
  rooms.forget('alpha')
  assert.deepEqual([rooms.size, rooms.isSpread('alpha')], [0, false])
})
