import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOT_RECEIVED } from '../../rtp/rtcp/index.js'
import { Acknowledged, FeedbackReader } from './feedback-reader.js'
import { NO_CLUSTER, SentPackets } from './sent-packets.js'

const LOST = NOT_RECEIVED

/** A hundred packets of 1000 bytes every 10 ms from `first` on. */
function sendHundred(first = 0) {
  const sent = new SentPackets()
  for (let i = 0; i < 100; i++) sent.record((first + i) & 0xffff, i * 10, 1000, NO_CLUSTER)
  return sent
}

function reader(sent = sendHundred()) {
  const feedback = new FeedbackReader()
  const out = new Acknowledged()
  const read = (baseSeq: number, times: number[], referenceTime = 0) => {
    const head = { baseSeq, statusCount: times.length, referenceTime, feedbackCount: 0 }
    feedback.read(head, Int32Array.from(times), sent, out)
    return { sent: [...out.sentMs.slice(0, out.count)], at: [...out.arrivedMs.slice(0, out.count)], lost: out.lost }
  }
  return { feedback, read }
}

test('feedback: arrivals and losses', () => {
  const { read } = reader()
  assert.deepEqual(read(10, [0, 40, LOST, 120]), { sent: [100, 110, 130], at: [0, 10, 30], lost: 1 })
})

test('feedback: numbers wrap', () => {
  const { read } = reader(sendHundred(0xfff0))
  assert.deepEqual(read(0xffff, [4, 8]), { sent: [150, 160], at: [1, 2], lost: 0 })
})

test('feedback: the reference time wraps at 24 bits, signed, and may go back a little', () => {
  const { read } = reader()
  const [start] = read(0, [0], 0x7fffff).at
  assert.deepEqual(read(1, [0], -0x800000).at, [start! + 64])
  assert.deepEqual(read(2, [0], 0x7ffffe).at, [start! - 64])
})

test('feedback: said twice counts once', () => {
  const { feedback, read } = reader()
  read(0, [0, 4, LOST])
  assert.deepEqual(read(0, [0, 4, LOST]), { sent: [], at: [], lost: 0 })
  assert.equal(feedback.repeated, 2)
})

test('feedback: lost, then found late; found, then lost', () => {
  const { read } = reader()
  assert.equal(read(0, [LOST, LOST]).lost, 2)
  assert.deepEqual(read(0, [400, LOST]), { sent: [0], at: [100], lost: -1 })
  assert.deepEqual(read(0, [LOST, LOST]), { sent: [], at: [], lost: 0 })
})

test('feedback: feedback packets that overtake each other', () => {
  const { read } = reader()
  assert.deepEqual(read(50, [0, 4]).sent, [500, 510])
  assert.deepEqual(read(40, [0, 4]).sent, [400, 410])
})

test('feedback: numbers that were never sent', () => {
  const { feedback, read } = reader()
  assert.deepEqual(read(98, [0, 4, 8, LOST, 16]), { sent: [980, 990], at: [0, 1], lost: 0 })
  assert.equal(feedback.unknown, 3)
  assert.deepEqual(read(30_000, [0, LOST]), { sent: [], at: [], lost: 0 })
  assert.equal(feedback.unknown, 5)
})
