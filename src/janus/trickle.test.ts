import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusals } from './refusals.js'
import { attached, errorOf, offer, settled } from './testing/client.js'

const candidate = 'candidate:1 1 udp 2015363327 10.0.0.1 60376 typ host'

test('J-064 J-069 every kind of candidate is acked without sender', () => {
  for (const state of ['none', 'stable'] as const) {
    const { client, ids, handle } = attached()
    handle.state = state
    const one = { candidate, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'x' }
    const bodies = [
      { candidate: one },
      { candidate: { candidate: 'rubbish', sdpMid: '0' } },
      { candidate: { candidate: '', sdpMid: '0' } },
      { candidate: null },
      { candidate: 'end' },
      { candidate: 5 },
      { candidate: { completed: false } },
      { candidates: [one, null, { completed: true }, {}, 'x'] },
    ]
    for (const body of bodies) {
      const reply = client.raw({ janus: 'trickle', transaction: 't', ...ids, ...body })
      assert.deepEqual(reply, { janus: 'ack', session_id: ids.session_id, transaction: 't' })
    }
    assert.deepEqual(client.kinds().length, bodies.length)
  }
})

test('J-065 neither or both keys', () => {
  const { client, ids } = attached()
  const neither = '456 Missing mandatory element (candidate|candidates)'
  assert.equal(errorOf(client.send('trickle', ids)), neither)
  const both = "454 Can't have both candidate and candidates"
  assert.equal(errorOf(client.send('trickle', { ...ids, candidate: null, candidates: [] })), both)
})

test('J-066 candidates are validated after the negotiation only', () => {
  const { client, ids, handle } = attached()
  const missing = (name: string) => `456 Trickle error: missing mandatory element (${name})`
  const wrong = (name: string, type: string) => `467 Trickle error: invalid element type (${name} should be ${type})`
  const cases: [object, string][] = [
    [{ candidate: {} }, missing('sdpMid or sdpMLineIndex')],
    [{ candidate: { sdpMid: '0' } }, missing('candidate')],
    [{ candidate: { sdpMid: 0, candidate } }, wrong('sdpMid', 'a string')],
    [{ candidate: { sdpMid: null, candidate } }, wrong('sdpMid', 'a string')],
    [{ candidate: { sdpMLineIndex: -1, candidate } }, wrong('sdpMLineIndex', 'a positive integer')],
    [{ candidate: { sdpMLineIndex: 1.5, candidate } }, wrong('sdpMLineIndex', 'a positive integer')],
    [{ candidate: { sdpMLineIndex: 0, candidate: 1 } }, wrong('candidate', 'a string')],
    [{ candidates: {} }, '467 candidates is not an array'],
    [{ candidates: null }, '467 candidates is not an array'],
  ]
  for (const state of ['none', 'pending'] as const) {
    handle.state = state
    for (const [fields] of cases) assert.equal(client.send('trickle', { ...ids, ...fields }).janus, 'ack')
  }
  handle.state = 'stable'
  for (const [fields, expected] of cases) assert.equal(errorOf(client.send('trickle', { ...ids, ...fields })), expected)
})

test('J-067 candidates before the offer are queued and used after the answer', async () => {
  const { client, ids, handle } = attached()
  client.send('trickle', { ...ids, candidate: { candidate, sdpMid: '0' } })
  client.send('trickle', { ...ids, candidates: [{ candidate: 'b', sdpMLineIndex: 1 }, { bad: 1 }] })
  client.send('trickle', { ...ids, candidate: null })
  assert.deepEqual(handle.candidates, [])
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.deepEqual(handle.candidates, [{ candidate, sdpMid: '0' }, { candidate: 'b', sdpMLineIndex: 1 }, null])
  assert.deepEqual(handle.calls, ['message', 'trickle'])
  client.send('trickle', { ...ids, candidate: { candidate: 'c', sdpMid: '0' } })
  assert.deepEqual(handle.candidates.at(-1), { candidate: 'c', sdpMid: '0' })
})

test('J-067 candidates that come while the offer is worked on wait for its answer', async () => {
  const { client, ids, handle } = attached()
  let finish = () => {}
  handle.respond = () => new Promise((resolve) => (finish = () => resolve({ data: {} })))
  client.send('message', { ...ids, body: {}, jsep: offer })
  client.send('trickle', { ...ids, candidate: { candidate, sdpMid: '0' } })
  assert.deepEqual(handle.calls, ['message'])
  finish()
  await settled()
  assert.deepEqual(handle.calls, ['message', 'trickle'])
})

test('J-070 queued candidates that are too old are dropped', async () => {
  const { client, ids, handle, clock } = attached()
  client.send('trickle', { ...ids, candidate: { candidate: 'old', sdpMid: '0' } })
  clock.advance(10_000)
  client.send('trickle', { ...ids, candidate: { candidate: 'new', sdpMid: '0' } })
  clock.advance(35_001)
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.deepEqual(handle.candidates, [{ candidate: 'new', sdpMid: '0' }])
})

test('a hangup forgets the candidates that came before it', async () => {
  const { client, ids, handle } = attached()
  client.send('trickle', { ...ids, candidate: { candidate: 'old', sdpMid: '0' } })
  client.send('hangup', ids)
  client.send('trickle', { ...ids, candidate: { candidate: 'new', sdpMid: '0' } })
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.deepEqual(handle.candidates, [{ candidate: 'new', sdpMid: '0' }])
})

test('H-41 queued candidates are bounded, and so are their strings', async () => {
  const refusals = new Refusals()
  const { client, ids, handle } = attached({ refusals })
  const many = Array.from({ length: 10_000 }, () => ({ candidate, sdpMid: '0' }))
  client.send('trickle', { ...ids, candidates: many })
  client.send('trickle', { ...ids, candidates: many })
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.equal(handle.candidates.length, 256)
  assert.equal(refusals.counters().candidates, 20_000 - 256)
  client.send('trickle', { ...ids, candidate: { candidate: 'x'.repeat(2000), sdpMid: '0' } })
  client.send('trickle', {
    ...ids,
    candidates: [
      { candidate, sdpMid: 'x'.repeat(300) },
      { candidate: '', sdpMid: '0' },
    ],
  })
  assert.equal(handle.candidates.length, 256)
  assert.equal(refusals.counters().candidates, 20_000 - 256 + 2)
})

test('H-41 candidates that wait for a busy plugin are bounded, in however many requests they come', async () => {
  const refusals = new Refusals()
  const { client, ids, handle } = attached({ refusals })
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  let answer = () => {}
  handle.respond = () => new Promise((resolve) => (answer = () => resolve({ data: {} })))
  client.send('message', { ...ids, body: {} })
  const some = Array.from({ length: 100 }, () => ({ candidate, sdpMid: '0' }))
  for (let i = 0; i < 10; i++) assert.equal(client.send('trickle', { ...ids, candidates: some }).janus, 'ack')
  answer()
  await settled()
  assert.equal(handle.candidates.length, 256)
  assert.equal(refusals.counters().candidates, 1000 - 256)
  client.send('trickle', { ...ids, candidates: some })
  assert.equal(handle.candidates.length, 356)
})
