import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SctpLink } from '../testing/sctp-link.js'
import { type Message, SendQueue } from './send-queue.js'

const LONG_BYTES = 262_144
const FRAGMENT_BYTES = 1_152
const RELIABLE = { ordered: true }
const byNumber = (a: number, b: number) => a - b

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

test('whatever is queued, sent and dropped: each stream keeps the order of what is left', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const link = new SctpLink({ seed })
    const below = (bound: number) => Math.floor(link.random() * bound)
    const queue = new SendQueue()
    /** What is to be sent on each stream: the message's number and sender. */
    const expected = Array.from({ length: 4 }, () => [] as { number: number; sender: string }[])
    let begun: Message | undefined
    let number = 0
    const send = () => {
      const message = queue.next()
      if (message === undefined) return false
      const first = expected[message.stream.id]![0]!
      assert.deepEqual([message.ppid, message.sender], [first.number, first.sender], `seed ${seed}`)
      const isLast = queue.sent(message, Math.min(FRAGMENT_BYTES, message.payload.length - message.sentBytes))
      begun = isLast ? undefined : message
      if (isLast) expected[message.stream.id]!.shift()
      return true
    }
    for (let step = 0; step < 400; step++) {
      const action = below(10)
      if (action < 5) {
        const [streamId, sender] = [below(4), `user ${below(3)}`]
        queue.add(0, streamId, number, new Uint8Array(1 + below(3 * FRAGMENT_BYTES)), RELIABLE, sender)
        expected[streamId]!.push({ number: number++, sender })
      } else if (action < 9) send()
      else {
        const sender = `user ${below(3)}`
        const dropped: number[] = []
        const count = queue.discardFrom(sender, (message) => dropped.push(message.ppid))
        assert.equal(count, dropped.length)
        const isDropped = (one: { number: number; sender: string }) =>
          one.sender === sender && one.number !== begun?.ppid
        const gone = expected.flatMap((list) => list.filter(isDropped).map((one) => one.number))
        assert.deepEqual(dropped.toSorted(byNumber), gone.toSorted(byNumber), `seed ${seed}`)
        for (const [streamId, list] of expected.entries()) expected[streamId] = list.filter((one) => !isDropped(one))
      }
      for (const [streamId, list] of expected.entries()) assert.equal(queue.isDrained(streamId), list.length === 0)
    }
    while (send());
    assert.deepEqual(expected, [[], [], [], []], `seed ${seed}`)
  }
})
