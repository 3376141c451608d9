import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testing/fake-clock.js'
import { PartialMessage } from './partial-message.js'

const MASK = Buffer.alloc(4)
/** A text message of 100 bytes, and a fragment of one byte with others to come. */
const whole = Buffer.concat([Buffer.from([0x81, 0x80 | 100]), MASK, Buffer.alloc(100)])
const fragment = (opcode: number) => Buffer.concat([Buffer.from([opcode, 0x81]), MASK, Buffer.alloc(1)])

function partial() {
  const clock = new FakeClock()
  const seen = { late: 0 }
  const message = new PartialMessage({ clock, timeoutMs: () => 1000, onLate: () => seen.late++ })
  return { clock, seen, message }
}

test('whole messages take nothing, and no time', () => {
  const { clock, message } = partial()
  for (let i = 0; i < 3; i++) message.take(Buffer.concat([whole, whole]))
  assert.deepEqual([message.bytes, clock.timers], [0, 0])
})

test('each piece counts more than its bytes, until the message is whole', () => {
  const { clock, message } = partial()
  for (const byte of whole.subarray(0, -1)) message.take(Buffer.from([byte]))
  assert.ok(message.bytes >= (whole.length - 1) * 200, `${message.bytes}`)
  message.take(whole.subarray(-1))
  assert.deepEqual([message.bytes, clock.timers], [0, 0])
  // A thousand fragments in one read are objects as well.
  message.take(Buffer.concat([fragment(0x01), ...Array.from({ length: 999 }, () => fragment(0x00))]))
  assert.ok(message.bytes >= 200_000, `${message.bytes}`)
  message.take(Buffer.from([0x80, 0x80, 0, 0, 0, 0]))
  assert.equal(message.bytes, 0)
})

test('what was begun behind a whole message counts with all of its read, and not with what was before', () => {
  const { message } = partial()
  message.take(whole.subarray(0, 50))
  const before = message.bytes
  const read = Buffer.concat([whole.subarray(50), whole.subarray(0, 10)])
  message.take(read)
  assert.ok(message.bytes >= read.length && message.bytes < before + read.length)
})

test('a message has so much time from its first byte on; the next has time of its own', () => {
  const { clock, seen, message } = partial()
  message.take(whole.subarray(0, 1))
  clock.advance(999)
  message.take(Buffer.concat([whole.subarray(1), whole.subarray(0, 1)]))
  clock.advance(999)
  assert.equal(seen.late, 0)
  message.take(whole.subarray(1, 2))
  clock.advance(1)
  assert.deepEqual([seen.late, clock.timers], [1, 0])
})

test('while the socket is not read, time stands still, and goes on from where it was', () => {
  const { clock, seen, message } = partial()
  message.take(whole.subarray(0, 1))
  clock.advance(400)
  message.pause()
  message.pause()
  clock.advance(599)
  message.resume()
  message.resume()
  clock.advance(300)
  message.pause()
  clock.advance(5000)
  message.resume()
  clock.advance(299)
  assert.equal(seen.late, 0)
  clock.advance(1)
  assert.deepEqual([seen.late, clock.timers], [1, 0])
  message.close()
  message.close()
  assert.deepEqual([message.bytes, clock.timers], [0, 0])
})

test('what begins while the socket is not read has all of its time from then on, and the next one too', () => {
  const { clock, seen, message } = partial()
  message.pause()
  message.take(whole.subarray(0, 1))
  assert.equal(clock.timers, 0)
  clock.advance(5000)
  message.resume()
  clock.advance(999)
  message.take(Buffer.concat([whole.subarray(1), whole.subarray(0, 1)]))
  message.pause()
  message.close()
  message.resume()
  assert.deepEqual([seen.late, clock.timers], [0, 0])
  message.take(whole.subarray(0, 1))
  clock.advance(999)
  assert.equal(seen.late, 0)
  clock.advance(1)
  assert.equal(seen.late, 1)
})
