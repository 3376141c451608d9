import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventSink } from './event-sink.js'
import { EventStream, type JanusEvent } from './event-stream.js'
import { type EventType, eventKinds, eventTypeNames, eventTypes } from './event-types.js'

const handle = { id: 7, sessionId: 5, opaqueId: 'mine', plugin: { packageName: 'janus.plugin.fake' } }
const socket = { transport: 'janus.transport.websockets', id: 'ab12' }
const candidate = 'candidate:1 1 udp 2015363327 192.0.2.1 60376 typ host'
const sdp = `v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\na=${candidate}\r\nm=audio 9 X 0\r\na=${candidate}\r\n`

function recorder(types: readonly EventType[] = eventTypeNames) {
  const told: JanusEvent[] = []
  const stream = new EventStream({
    emitter: 'me',
    types,
    backend: { publish: (event) => told.push(event) },
    wallMs: () => 1_732_000_000_123,
  })
  return { stream, told }
}

/** Every call that there is. */
function everything(sink: EventSink): void {
  sink.sessionCreated(5, socket)
  sink.sessionDestroyed(5)
  sink.sessionTimedOut(6)
  sink.handleAttached(handle)
  sink.handleDetached({ ...handle, opaqueId: undefined })
  sink.custom('mine', { a: 1 })
  sink.description(handle, 'remote', { type: 'offer', sdp })
  sink.description(handle, 'local', { type: 'answer', sdp })
  sink.candidates(handle, [{ candidate: 'candidate:2 1 udp 1 192.0.2.2 1 typ host' }, null])
  sink.connected(handle)
  sink.media(handle, '0', 'audio', true)
  sink.media(handle, '0', 'audio', false, 3)
  sink.slowLink(handle, '1', 'video', true, 12)
  sink.hungUp(handle, 'ICE failed')
  sink.plugin(handle, { event: 'join' })
  sink.transport(socket, { event: 'connected' })
  sink.started({ name: 'rostra' })
  sink.shutdown(15)
}

test('J-129 every event has the envelope, a row in the table, and the fields of its row', () => {
  const { stream, told } = recorder()
  everything(stream)
  const used = new Set<object>()
  for (const { emitter, type, subtype, timestamp, event, ...ids } of told) {
    assert.deepEqual([emitter, timestamp], ['me', 1_732_000_000_123_000])
    const row = eventKinds.find(
      (kind) => eventTypes[kind.type] === type && ('subtype' in kind ? kind.subtype : undefined) === subtype,
    )
    assert.ok(row, `type ${type} subtype ${subtype}`)
    used.add(row)
    const allowed = row.fields.map((field: string) => field.replace('?', ''))
    const wanted = row.fields.filter((field: string) => !field.endsWith('?'))
    assert.deepEqual(
      Object.keys(event).filter((key) => !allowed.includes(key)),
      [],
      JSON.stringify(event),
    )
    assert.deepEqual(
      wanted.filter((field) => !(field in event)),
      [],
      JSON.stringify(event),
    )
    const scope = { sessions: 1, external: 0, transports: 0, core: 0 } as Partial<Record<EventType, number>>
    const known = Object.keys(ids).filter((key) => key !== 'opaque_id')
    assert.equal(known.length, scope[row.type] ?? 2, JSON.stringify(ids))
  }
  assert.equal(used.size, eventKinds.length, 'every row was seen')
})

test('the ids of a handle, and its opaque id whatever the API shows', () => {
  const { stream, told } = recorder(['handles'])
  stream.handleAttached(handle)
  assert.deepEqual(told, [
    {
      emitter: 'me',
      type: 2,
      timestamp: 1_732_000_000_123_000,
      session_id: 5,
      handle_id: 7,
      opaque_id: 'mine',
      event: { name: 'attached', plugin: 'janus.plugin.fake', opaque_id: 'mine' },
    },
  ])
})

test('only wanted types are told', () => {
  for (const type of eventTypeNames) {
    const { stream, told } = recorder([type])
    everything(stream)
    assert.ok(told.length > 0, type)
    assert.ok(
      told.every((event) => event.type === eventTypes[type]),
      type,
    )
  }
  const { stream, told } = recorder([])
  everything(stream)
  assert.deepEqual(told, [])
})

test('ICE passwords are in no event; everything else of the description is', () => {
  const { stream, told } = recorder()
  everything(stream)
  assert.doesNotMatch(JSON.stringify(told), /0123456789abcdef/)
  const { jsep } = told.find(({ type }) => type === 8)!.event as { jsep: { type: string; sdp: string } }
  assert.equal(jsep.type, 'offer')
  assert.equal(jsep.sdp, sdp.replace('0123456789abcdef012345', '(redacted)'))
})

test('a candidate is told once per peer connection and side, wherever it was read', () => {
  const { stream, told } = recorder(['webrtc'])
  const seen = () => told.splice(0).map(({ subtype }) => subtype)
  stream.description(handle, 'remote', { type: 'offer', sdp })
  stream.candidates(handle, [{ candidate }])
  stream.description(handle, 'local', { type: 'answer', sdp })
  assert.deepEqual(seen(), [3, 2])
  stream.hungUp(handle, 'Janus API')
  assert.deepEqual(seen(), [6])
  stream.description(handle, 'local', { type: 'offer', sdp })
  assert.deepEqual(seen(), [2])
  stream.candidates(
    handle,
    Array.from({ length: 1000 }, (_, n) => ({ candidate: `candidate:${n}` })),
  )
  assert.equal(seen().length, 255)
})
