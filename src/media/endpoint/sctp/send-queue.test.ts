import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendQueue } from './send-queue.js'

const LONG_BYTES = 262_144
const FRAGMENT_BYTES = 1_152
const RELIABLE = { ordered: true }

/** Sends one fragment. @returns its stream and length, or undefined when there is nothing to send */
function step(queue: SendQueue): { streamId: number; bytes: number } | undefined {
  const message = queue.next()
  if (message === undefined) return undefined
  const bytes = Math.min(FRAGMENT_BYTES, message.payload.length - message.sentBytes)
  queue.sent(message, bytes)
  return { streamId: message.stream.id, bytes }
}

/** Sends until a message on `streamId` is through. @returns the bytes of others that went before it */
function waitFor(queue: SendQueue, streamId: number): number {
  let waited = 0
  for (let sent = step(queue); sent !== undefined; sent = step(queue)) {
    if (sent.streamId === streamId) return waited
    waited += sent.bytes
  }
  assert.fail('it was not sent')
}

function addLong(queue: SendQueue, streamId: number): void {
  queue.add(0, streamId, 53, new Uint8Array(LONG_BYTES), RELIABLE)
}

function addShort(queue: SendQueue, streamId: number): void {
  queue.add(0, streamId, 51, new Uint8Array(100), RELIABLE)
}

test('a short message waits for one long one at most, whenever it comes and however many channels have long ones', () => {
  const queue = new SendQueue()
  for (let bulk = 0; bulk < 8; bulk++) for (let i = 0; i < 4; i++) addLong(queue, bulk)
  addShort(queue, 100)
  assert.equal(waitFor(queue, 100), 0, 'queued in one batch')
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < round * 67; i++) step(queue)
    addShort(queue, round % 2 === 0 ? 100 : 200 + round)
    const waited = waitFor(queue, round % 2 === 0 ? 100 : 200 + round)
    assert.ok(waited <= LONG_BYTES, `round ${round}: ${waited} bytes`)
  }
})

test('a channel that was busy by itself for long does not make the next short message wait', () => {
  const queue = new SendQueue()
  for (let bulk = 0; bulk < 8; bulk++) addLong(queue, bulk)
  for (let i = 0; i < 2_000; i++) addShort(queue, 50)
  for (let i = 0; i < 2_000; i++) step(queue)
  addShort(queue, 100)
  assert.ok(waitFor(queue, 100) <= LONG_BYTES)
  // And it does not pay for what it sent when nobody else had anything to send.
  while (step(queue) !== undefined);
  for (let i = 0; i < 10_000; i++) {
    addShort(queue, 50)
    step(queue)
  }
  for (let bulk = 0; bulk < 8; bulk++) addLong(queue, bulk)
  addShort(queue, 50)
  assert.equal(waitFor(queue, 50), 0)
})

test('channels that have always something to send get the same, whatever the size of their messages', () => {
  const queue = new SendQueue()
  const sent = [0, 0, 0]
  const sizes = [LONG_BYTES, 20_000, 500]
  for (let total = 0; total < 12 * LONG_BYTES; ) {
    for (const [streamId, size] of sizes.entries()) {
      if (queue.isDrained(streamId)) queue.add(0, streamId, 53, new Uint8Array(size), RELIABLE)
    }
    const { streamId, bytes } = step(queue)!
    sent[streamId]! += bytes
    total += bytes
  }
  for (const bytes of sent) assert.ok(Math.abs(bytes - 4 * LONG_BYTES) <= LONG_BYTES * 1.1, sent.join(' '))
})
