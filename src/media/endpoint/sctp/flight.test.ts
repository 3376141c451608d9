/** The ring of chunks on their way, where TSNs wrap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chunk, Flight } from './flight.js'
import { type Message, SendQueue } from './send-queue.js'

/** Close enough to the end of the numbers that a ring grows on both sides of it. */
const FIRST = 0xffff_fff0
const MAX_LENGTH = 1152

function messageOf(length: number): Message {
  const queue = new SendQueue()
  queue.add(0, 1, 53, new Uint8Array(length), { ordered: true })
  return queue.next()!
}

interface Added {
  tsn: number
  message: Message
}

/** Adds chunks whose columns, times and messages all tell which they are. */
function fill(flight: Flight, count: number): Added[] {
  return Array.from({ length: count }, (_, i) => {
    const message = messageOf(1 + (i % MAX_LENGTH))
    const tsn = flight.add(message, i * 3, 1 + (i % MAX_LENGTH), i % 16)
    flight.set(tsn, Chunk.state, i % 4)
    flight.set(tsn, Chunk.missesBehind, (tsn + 5) >>> 0)
    flight.setSentAtMs(tsn, i + 0.25)
    return { tsn, message }
  })
}

/** @param from which of those that `fill` added is the first that is held */
function assertHolds(flight: Flight, chunks: Added[], from = 0): void {
  assert.equal(flight.first, chunks[from]!.tsn)
  assert.equal(flight.size, chunks.length - from)
  for (let i = from; i < chunks.length; i++) {
    const { tsn, message } = chunks[i]!
    assert.ok(flight.has(tsn), `chunk ${i}`)
    const row = [Chunk.start, Chunk.length, Chunk.flags, Chunk.state, Chunk.sentCount].map((at) => flight.get(tsn, at))
    assert.deepEqual(row, [i * 3, 1 + (i % MAX_LENGTH), i % 16, i % 4, 0], `chunk ${i}`)
    assert.equal(flight.get(tsn, Chunk.missesBehind), (tsn + 5) >>> 0)
    assert.equal(flight.sentAtMs(tsn), i + 0.25)
    assert.equal(flight.message(tsn), message)
  }
}

function shift(flight: Flight, count: number): void {
  for (let i = 0; i < count; i++) flight.shift()
}

/** Chunks that an empty ring has room for: so far apart are two TSNs with one slot. */
function slotsOf(flight: Flight): number {
  for (let slots = 1; slots <= 1 << 16; slots *= 2) {
    flight.set(0, Chunk.start, 0)
    flight.set(slots, Chunk.start, slots)
    if (flight.get(0, Chunk.start) === slots) return slots
  }
  assert.fail('two TSNs with one slot')
}

test('a ring that grows where TSNs wrap keeps every chunk', () => {
  const flight = new Flight(FIRST)
  const chunks = fill(flight, 1_000)
  assert.deepEqual(
    [0, 15, 16, 999].map((i) => chunks[i]!.tsn),
    [FIRST, 0xffff_ffff, 0, 983],
  )
  assertHolds(flight, chunks)
  for (const outside of [FIRST - 1, 984, 0x7fff_ffff]) assert.ok(!flight.has(outside), `${outside}`)
})

test('whatever slot the first chunk has when the ring grows, none is mixed up', () => {
  for (let slot = 0; slot < 40; slot++) {
    const flight = new Flight(FIRST)
    for (let i = 0; i < slot; i++) {
      flight.add(messageOf(1), 0, 1, 3)
      flight.shift()
    }
    assertHolds(flight, fill(flight, 300))
  }
})

test('chunks leave from the front, others come behind, and a slot that is used again is as new', () => {
  const flight = new Flight(FIRST)
  const chunks = fill(flight, 100)
  for (let from = 1; from < 100; from++) {
    flight.shift()
    assertHolds(flight, chunks, from)
  }
  flight.shift()
  assert.deepEqual([flight.size, flight.first, flight.next], [0, 84, 84])
  assertHolds(flight, fill(flight, 120))
})

test('a large ring is given back when it is empty, a small one is kept, and no message is', () => {
  const rows: [chunks: number, slots: number][] = [
    [1, 16],
    [17, 32],
    [128, 128],
    [129, 16],
    [1_000, 16],
    [4_096, 16],
  ]
  for (const [count, slots] of rows) {
    const flight = new Flight(FIRST)
    fill(flight, count)
    shift(flight, count - 1)
    assert.ok(flight.message(flight.first) !== undefined)
    shift(flight, 1)
    assert.equal(slotsOf(flight), slots, `after ${count} chunks`)
    for (let tsn = 0; tsn < slots; tsn++) assert.equal(flight.message(tsn), undefined, 'a message stays')
    assertHolds(flight, fill(flight, 1_000))
  }
})
