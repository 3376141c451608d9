import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HandleInfo, MediaTraffic } from '../handle-info.js'
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

const known = (remote: string): HandleInfo => ({
  specific: {},
  peerConnection: {
    ...{ offerFrom: 'client', negotiated: true, extensions: {}, media: [] },
    ice: {
      ...{ state: 'connected', localCandidates: [], remoteCandidates: [] },
      selected: { protocol: 'udp', local: { ip: '192.0.2.1', port: 40_000 }, remote: { ip: remote, port: 5 } },
    },
    dtls: { state: 'connected', fingerprint: '', received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } },
  },
})
const line: MediaTraffic = {
  ...{ mid: '1', mindex: 1, kind: 'video', direction: 'receive', codec: 'VP8', clockRate: 90_000 },
  figures: {
    ...{ packets: 100, bytes: 5000, bytesLastSecond: 2500, nacks: 3, retransmissions: 2 },
    ...{ lost: 4, lossShare: 0.25, unrepairedShare: 0.1, jitterMs: 6.4, rttMs: 20.6 },
  },
}
const data = { mid: '0', mindex: 0, received: { packets: 12, bytes: 1402 }, sent: { packets: 9, bytes: 1905 } }
const figures = { sessionId: 5, handleId: 7, media: [line], estimateBps: 640_000.4, data }

/** Until what was asked for is there. */
const answered = () => new Promise((resolve) => setImmediate(resolve))

/** Every call that there is. */
async function everything(sink: EventSink): Promise<void> {
  sink.sessionCreated(5, socket)
  sink.sessionDestroyed(5)
  sink.sessionTimedOut(6)
  sink.handleAttached(handle)
  sink.handleDetached({ ...handle, opaqueId: undefined })
  sink.custom('mine', { a: 1 })
  sink.description(handle, 'remote', { type: 'offer', sdp })
  sink.description(handle, 'local', { type: 'answer', sdp })
  sink.candidates(handle, [{ candidate: 'candidate:2 1 udp 1 192.0.2.2 1 typ host' }, null])
  sink.connected(handle, async () => known('203.0.113.9'))
  await answered()
  sink.statistics(handle, figures)
  sink.media(handle, '0', 'audio', true)
  sink.media(handle, '0', 'audio', false, 3)
  sink.slowLink(handle, '1', 'video', true, 12)
  sink.hungUp(handle, 'ICE failed')
  sink.plugin(handle, { event: 'join' })
  sink.transport(socket, { event: 'connected' })
  sink.started({ name: 'rostra' })
  sink.shutdown(15)
}

test('J-129 every event has the envelope, a row in the table, and the fields of its row', async () => {
  const { stream, told } = recorder()
  await everything(stream)
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

test('only wanted types are told', async () => {
  for (const type of eventTypeNames) {
    const { stream, told } = recorder([type])
    await everything(stream)
    assert.ok(told.length > 0, type)
    assert.ok(
      told.every((event) => event.type === eventTypes[type]),
      type,
    )
  }
  const { stream, told } = recorder([])
  await everything(stream)
  assert.deepEqual(told, [])
})

test('ICE passwords are in no event; everything else of the description is', async () => {
  const { stream, told } = recorder()
  await everything(stream)
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

test('the selected pair is told when it is known, unless the peer connection has ended', async () => {
  const { stream, told } = recorder(['webrtc'])
  const pairs = () => told.splice(0).flatMap(({ subtype, event }) => (subtype === 4 ? [event] : []))
  stream.connected(handle, async () => known('2001:db8::9'))
  await answered()
  assert.deepEqual(pairs(), [
    {
      'selected-pair': '192.0.2.1:40000 [host,udp] <-> 2001:db8::9:5 [prflx,udp]',
      candidates: {
        local: { address: '192.0.2.1', port: 40_000, type: 'host', transport: 'udp', family: 4 },
        remote: { address: '2001:db8::9', port: 5, type: 'prflx', transport: 'udp', family: 6 },
      },
      ...{ stream_id: 1, component_id: 1 },
    },
  ])
  for (const end of [() => stream.hungUp(handle, 'Close PC'), () => stream.handleDetached(handle)]) {
    stream.connected(handle, async () => known('203.0.113.9'))
    end()
    await answered()
  }
  stream.connected(handle, async () => undefined)
  stream.connected(handle, async () => ({ specific: {} }))
  await answered()
  assert.deepEqual(pairs(), [])
})

test('nobody is asked for the selected pair when it is not wanted', () => {
  const { stream } = recorder(['media'])
  stream.connected(handle, () => assert.fail('asked'))
})

test('statistics of a line that comes in, of one that goes out, and of data', () => {
  const { stream, told } = recorder(['media'])
  stream.statistics(handle, { ...figures, media: [line, { ...line, mid: '2', mindex: 2, direction: 'send' }] })
  assert.deepEqual(
    told.map(({ type, subtype, handle_id }) => [type, subtype, handle_id]),
    [1, 2, 3].map(() => [32, 3, 7]),
  )
  const [received, sent, channels] = told.map(({ event }) => event)
  const common = { media: 'video', codec: 'vp8', base: 90_000, rtt: 21, estimate: 640_000 }
  assert.deepEqual(received, {
    ...{ ...common, mid: '1', mindex: 1, lost: 4, 'lost-by-remote': 0, 'jitter-local': 6, 'jitter-remote': 0 },
    ...{ 'in-link-quality': 75, 'in-media-link-quality': 90, 'out-link-quality': 100, 'out-media-link-quality': 100 },
    ...{ 'packets-received': 100, 'packets-sent': 0, 'bytes-received': 5000, 'bytes-sent': 0 },
    ...{ 'bytes-received-lastsec': 2500, 'bytes-sent-lastsec': 0 },
    ...{ 'nacks-received': 0, 'nacks-sent': 3, 'retransmissions-received': 2 },
  })
  assert.deepEqual(sent, {
    ...{ ...common, mid: '2', mindex: 2, lost: 0, 'lost-by-remote': 4, 'jitter-local': 0, 'jitter-remote': 6 },
    ...{ 'in-link-quality': 100, 'in-media-link-quality': 100, 'out-link-quality': 75, 'out-media-link-quality': 90 },
    ...{ 'packets-received': 0, 'packets-sent': 100, 'bytes-received': 0, 'bytes-sent': 5000 },
    ...{ 'bytes-received-lastsec': 0, 'bytes-sent-lastsec': 2500 },
    ...{ 'nacks-received': 3, 'nacks-sent': 0, 'retransmissions-received': 0 },
  })
  assert.deepEqual(channels, {
    ...{ mid: '0', mindex: 0, media: 'data' },
    ...{ 'packets-received': 12, 'packets-sent': 9, 'bytes-received': 1402, 'bytes-sent': 1905 },
  })
  const { estimateBps, ...unknown } = figures
  stream.statistics(handle, unknown)
  assert.ok(estimateBps > 0 && told.slice(3).every(({ event }) => !('estimate' in event)), 'not known')
})
