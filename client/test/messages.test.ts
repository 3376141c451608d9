import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvelope, readMediaState, writeEnvelope } from '../src/envelope.js'
import { Outbox } from '../src/outbox.js'
import { readMessage, readNotification } from '../src/protocol.js'

test('only JSON objects with a janus string are messages', () => {
  assert.deepEqual(readMessage('{"janus":"ack","transaction":"1"}'), { janus: 'ack', transaction: '1' })
  for (const bad of ['', 'x', 'null', '1', '[]', '{}', '{"janus":1}']) assert.equal(readMessage(bad), undefined)
})

for (const [data, expected] of [
  [
    { event: 'join', user_id: 'a', room_id: 'r', extra: 1 },
    { event: 'join', user_id: 'a', room_id: 'r' },
  ],
  [
    { event: 'leave', user_id: 'a', room_id: 'r' },
    { event: 'leave', user_id: 'a', room_id: 'r' },
  ],
  [{ event: 'leave', user_id: 1, room_id: 'r' }, undefined],
  [
    { event: 'blocked', by: 'a' },
    { event: 'blocked', by: 'a' },
  ],
  [{ event: 'unblocked' }, undefined],
  [
    { event: 'data', body: '', from: 'a' },
    { event: 'data', body: '', from: 'a' },
  ],
  [
    { event: 'data', body: 'x' },
    { event: 'data', body: 'x' },
  ],
  [{ event: 'data', body: {} }, undefined],
  [{ event: 'something new' }, undefined],
  [{}, undefined],
] as const) {
  test(`notification ${JSON.stringify(data)}`, () => assert.deepEqual(readNotification(data), expected))
}

test('an envelope comes back as it was', () => {
  const text = writeEnvelope('ada#1', 'chat', { text: 'hi' })
  assert.equal(text, '{"clientId":"ada#1","dataType":"chat","data":{"text":"hi"}}')
  assert.deepEqual(readEnvelope(text), { from: 'ada#1', dataType: 'chat', data: { text: 'hi' } })
  assert.deepEqual(readEnvelope('{"dataType":"u"}'), { from: undefined, dataType: 'u', data: undefined })
  for (const bad of ['hi', '', 'null', '7', '{"clientId":"a"}']) assert.equal(readEnvelope(bad), undefined)
})

test('a media state has two booleans, and the name of the screen if one is shared', () => {
  assert.deepEqual(readMediaState({ audio: true, video: false }), { audio: true, video: false })
  const sharing = { audio: true, video: true, screen: 'a stream' }
  assert.deepEqual(readMediaState(sharing), sharing)
  for (const bad of [undefined, null, 'x', {}, { audio: 1, video: true }, { ...sharing, screen: 1 }])
    assert.equal(readMediaState(bad), undefined)
})

test('the outbox keeps order, stops when told, and goes on there', () => {
  const outbox = new Outbox<string>()
  for (const text of ['a', 'b', 'c']) assert.equal(outbox.put(text), true)
  const sent: string[] = []
  outbox.drain((text) => text !== 'b' && sent.push(text) > 0)
  assert.deepEqual(sent, ['a'])
  outbox.drain((text) => sent.push(text) > 0)
  assert.deepEqual(sent, ['a', 'b', 'c'])
  assert.equal(outbox.size, 0)
})

test('the outbox is bounded by count and by bytes, and gets its room back', () => {
  const few = new Outbox<string>(2)
  assert.deepEqual(
    ['a', 'b', 'c'].map((text) => few.put(text)),
    [true, true, false],
  )
  const small = new Outbox<ArrayBuffer>(10, 8)
  assert.equal(small.put(new ArrayBuffer(8)), true)
  assert.equal(small.put(new ArrayBuffer(1)), false)
  small.drain(() => true)
  assert.equal(small.put(new ArrayBuffer(8)), true)
})
