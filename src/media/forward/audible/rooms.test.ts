import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AudibleRooms } from './rooms.js'

test('rooms that do not fit in one message come with the next one: none is told of less than the others', () => {
  const rooms = new AudibleRooms(1)
  const places = Array.from({ length: 150 }, (_, i) => {
    rooms.spread(`${i}`, true, 0)
    return rooms.join(`${i}`, `${i}/0`)!
  })
  const told = new Map<string, number>()
  for (let nowMs = 0; nowMs < 3000; nowMs += 20) {
    for (const { speaker, speakers } of places) speakers.heard(speaker, nowMs, 20, true)
    const message = rooms.tell(nowMs)
    assert.ok(message.length <= 64)
    for (const { room } of message) told.set(room, (told.get(room) ?? 0) + 1)
  }
  assert.equal(told.size, 150)
  const counts = [...told.values()]
  // 14 messages of 64 rooms.
  assert.deepEqual([Math.min(...counts), Math.max(...counts)], [5, 6])
})
