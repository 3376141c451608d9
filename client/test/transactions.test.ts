import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoomError } from '../src/errors.js'
import type { JanusMessage } from '../src/protocol.js'
import { Transactions } from '../src/transactions.js'

/** Opens a transaction and records how it ends. */
function open(transactions: Transactions, request: string, deadlineMs = Infinity) {
  const outcome: { reply?: JanusMessage; error?: RoomError } = {}
  const id = transactions.open(
    request,
    deadlineMs,
    (reply) => {
      outcome.reply = reply
    },
    (error) => {
      outcome.error = error
    },
  )
  return { id, outcome }
}

test('a message waits past its ack for the event', () => {
  const transactions = new Transactions()
  const { id, outcome } = open(transactions, 'message')
  assert.equal(transactions.settle({ janus: 'ack', transaction: id }), true)
  assert.deepEqual(outcome, {})
  const event = { janus: 'event', transaction: id, sender: 7, plugindata: { plugin: 'p', data: { success: true } } }
  assert.equal(transactions.settle(event), true)
  assert.equal(outcome.reply, event)
  assert.equal(transactions.size, 0)
})

test('a message may be answered at once, by a success', () => {
  const transactions = new Transactions()
  const { id, outcome } = open(transactions, 'message')
  transactions.settle({ janus: 'success', transaction: id })
  assert.equal(outcome.reply?.janus, 'success')
})

for (const request of ['keepalive', 'trickle']) {
  test(`the ack answers a ${request}`, () => {
    const transactions = new Transactions()
    const { id, outcome } = open(transactions, request)
    transactions.settle({ janus: 'ack', transaction: id })
    assert.equal(outcome.reply?.janus, 'ack')
  })
}

test('an error rejects with the code and the reason of the core', () => {
  const transactions = new Transactions()
  const { id, outcome } = open(transactions, 'attach')
  transactions.settle({ janus: 'error', transaction: id, error: { code: 460, reason: "No such plugin 'p'" } })
  assert.equal(outcome.error?.kind, 'janus')
  assert.equal(outcome.error?.code, 460)
  assert.equal(outcome.error?.message, "No such plugin 'p'")
})

test('what answers nothing is told apart: late replies are swallowed, events are events', () => {
  const transactions = new Transactions()
  assert.equal(transactions.settle({ janus: 'success', transaction: '99' }), true)
  assert.equal(transactions.settle({ janus: 'ack', transaction: '99' }), true)
  assert.equal(transactions.settle({ janus: 'event', sender: 1 }), false)
  assert.equal(transactions.settle({ janus: 'event', transaction: '99', sender: 1 }), false)
  assert.equal(transactions.settle({ janus: 'webrtcup', sender: 1 }), false)
  assert.equal(transactions.settle({ janus: 'error', error: { code: 454, reason: 'Invalid JSON' } }), true)
})

test('only what is due expires', () => {
  const transactions = new Transactions()
  const early = open(transactions, 'message', 1_000)
  const late = open(transactions, 'create', 2_000)
  assert.equal(transactions.deadlineMs(), 1_000)
  transactions.expire(1_000)
  assert.equal(early.outcome.error?.kind, 'timeout')
  assert.deepEqual(late.outcome, {})
  assert.equal(transactions.deadlineMs(), 2_000)
})

test('abandoning rejects everything once', () => {
  const transactions = new Transactions()
  const first = open(transactions, 'message')
  const second = open(transactions, 'trickle')
  const error = new RoomError('disconnected', 'gone')
  transactions.abandon(error)
  assert.equal(first.outcome.error, error)
  assert.equal(second.outcome.error, error)
  assert.equal(transactions.deadlineMs(), Infinity)
})
