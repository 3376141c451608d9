import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noEvents } from './events/event-sink.js'
import type { HandleInfo } from './handle-info.js'
import type { PluginReply } from './plugin.js'
import { answer, attached, errorOf, FakeClient, offer, sdp, settled, world } from './testing/client.js'

test('J-055 ack without sender first, then one event with the transaction', async () => {
  const { client, ids } = attached()
  client.raw({ janus: 'message', transaction: 'm', ...ids, body: { a: 1 } })
  await settled()
  const { session_id, handle_id } = ids
  const plugindata = { plugin: 'janus.plugin.fake', data: { echo: { a: 1 } } }
  assert.deepEqual(client.received, [
    { janus: 'ack', session_id, transaction: 'm', hint: 'Processing.' },
    { janus: 'event', session_id, transaction: 'm', sender: handle_id, plugindata },
  ])
})

test('J-055 a plugin without hint gives a bare ack; a sync push still comes after it', async () => {
  const { client, ids, handle, plugin } = attached()
  plugin.ackHint = undefined
  handle.respond = () => {
    handle.port.push({ early: true })
    return { data: {} }
  }
  client.raw({ janus: 'message', transaction: 'm', ...ids, body: {} })
  await settled()
  assert.deepEqual(client.received[0], { janus: 'ack', session_id: ids.session_id, transaction: 'm' })
  assert.deepEqual(client.kinds(), ['ack', 'event', 'event'])
})

test('replies of one handle come in the order of requests, one message at a time', async () => {
  const { client, ids, handle } = attached()
  const waiting: ((reply: PluginReply) => void)[] = []
  handle.respond = () => new Promise((resolve) => waiting.push(resolve))
  for (const transaction of ['a', 'b', 'c']) client.raw({ janus: 'message', transaction, ...ids, body: {} })
  assert.deepEqual(client.kinds(), ['ack', 'ack', 'ack'])
  for (const n of [1, 2, 3]) {
    assert.equal(waiting.length, n)
    waiting.at(-1)!({ data: { n } })
    await settled()
  }
  const order = client.received.map((event) => [event.transaction, (event.plugindata as PluginReply).data.n])
  assert.deepEqual(order, [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
})

test('a slow handle does not hold up another', async () => {
  const { client, ids, handle } = attached()
  handle.respond = () => new Promise(() => {})
  client.send('message', { ...ids, body: {} })
  const other = client.attach(ids.session_id)
  client.kinds()
  client.send('message', { session_id: ids.session_id, handle_id: other, body: {} })
  await settled()
  assert.deepEqual(client.kinds(), ['ack', 'event'])
})

test('J-056 J-057 J-058 pushed events have no transaction; plugindata is {plugin, data}', () => {
  const { client, ids, handle } = attached()
  handle.port.push({}, { type: 'offer', sdp })
  const { session_id, handle_id } = ids
  const plugindata = { plugin: 'janus.plugin.fake', data: {} }
  assert.deepEqual(client.received, [{ janus: 'event', session_id, sender: handle_id, plugindata, jsep: offer }])
})

test('J-053 message bodies that are none', () => {
  const { client, ids } = attached()
  assert.equal(errorOf(client.send('message', ids)), '456 Missing mandatory element (body)')
  for (const body of [null, 'x', 1, true, []]) {
    const reply = client.send('message', { ...ids, body })
    assert.equal(errorOf(reply), '467 Invalid element type (body should be an object)')
  }
})

test('J-059 J-060 J-061 J-062 J-063 broken jsep', () => {
  const { client, ids, handle } = attached()
  const type = 'offer'
  const cases: [unknown, string][] = [
    [null, '455 Invalid jsep object'],
    ['x', '455 Invalid jsep object'],
    [[], '455 Invalid jsep object'],
    [{}, '456 JSEP error: missing mandatory element (type)'],
    [{ type }, '456 JSEP error: missing mandatory element (sdp)'],
    [{ type: 1, sdp }, '467 JSEP error: invalid element type (type should be a string)'],
    [{ type, sdp: null }, '467 JSEP error: invalid element type (sdp should be a string)'],
    [{ type, sdp, trickle: 'no' }, '467 JSEP error: invalid element type (trickle should be a boolean)'],
    [{ type, sdp, rid_order: 1 }, '467 JSEP error: invalid element type (rid_order should be a string)'],
    [{ type, sdp, force_relay: 1 }, '467 JSEP error: invalid element type (force_relay should be a boolean)'],
    [{ type, sdp, e2ee: {} }, '467 JSEP error: invalid element type (e2ee should be a boolean)'],
    [{ type: 'rollback', sdp }, "464 JSEP error: unknown message type 'rollback'"],
    [{ type, sdp: '' }, "465 Invalid SDP (doesn't start with v=)"],
    [{ type, sdp: ' v=0' }, "465 Invalid SDP (doesn't start with v=)"],
    [{ type, sdp: 'v=0\r\no=x\r\ns=-\r\n' }, '465 Missing mandatory lines (o=, s= or m=)'],
    [{ type, sdp: 'v=0\r\ns=-\r\nm=x\r\n' }, '465 Missing mandatory lines (o=, s= or m=)'],
    [{ type, sdp: 'v=0\r\no=x\r\nm=x\r\n' }, '465 Missing mandatory lines (o=, s= or m=)'],
    [answer, '469 Unexpected ANSWER (did we offer?)'],
    [{ ...answer, sdp: 'x' }, "465 Invalid SDP (doesn't start with v=)"],
  ]
  for (const [jsep, expected] of cases)
    assert.equal(errorOf(client.send('message', { ...ids, body: {}, jsep })), expected)
  assert.deepEqual(handle.calls, [])
})

test('jsep reaches the plugin with type in lower case, rids and trickle; bare line feeds are fine', async () => {
  const { client, ids, handle } = attached()
  const bare = sdp.replaceAll('\r\n', '\n')
  const send = (jsep: object) => client.send('message', { ...ids, body: {}, jsep })
  send({ type: 'OFFER', sdp: bare, rid_order: 'lmh', trickle: false, svc: 5 })
  send({ ...offer, rid_order: 'odd', trickle: true })
  handle.awaitsAnswer = true
  send(answer)
  await settled()
  assert.deepEqual(
    handle.requests.map(({ jsep }) => jsep),
    [{ type: 'offer', sdp: bare, rids: 'lmh', trickle: false }, { ...offer, rids: 'hml', trickle: true }, answer],
  )
  const answers = client.received.filter(({ janus, jsep }) => janus === 'event' && jsep)
  assert.deepEqual(answers[0]!.jsep, { type: 'answer', sdp: 'v=0\r\nanswer' })
})

test('J-071 J-073 J-074 hangup: success, then one hangup event; a new offer works at once', async () => {
  const { client, ids, handle } = attached()
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.deepEqual(client.kinds(), ['ack', 'event', 'webrtcup'])
  client.send('hangup', ids)
  client.send('hangup', ids)
  const { session_id, handle_id } = ids
  assert.deepEqual(client.received[1], { janus: 'hangup', session_id, sender: handle_id, reason: 'Janus API' })
  assert.deepEqual(client.kinds(), ['success', 'hangup', 'success'])
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  assert.deepEqual(client.kinds(), ['ack', 'event', 'webrtcup'])
  assert.deepEqual(handle.calls, ['message', 'hangup', 'hangup', 'message'])
})

test('J-072 hangup without a PeerConnection: success, the plugin is told, no event', async () => {
  const { client, ids, handle } = attached()
  const reply = client.raw({ janus: 'hangup', transaction: 'h', ...ids })
  assert.deepEqual(reply, { janus: 'success', session_id: ids.session_id, transaction: 'h' })
  await settled()
  assert.deepEqual(client.kinds(), ['success'])
  assert.deepEqual(handle.calls, ['hangup'])
})

test('a hangup waits for the message before it', async () => {
  const { client, ids, handle } = attached()
  let finish = (_: PluginReply) => {}
  handle.respond = () => new Promise((resolve) => (finish = resolve))
  client.send('message', { ...ids, body: {}, jsep: offer })
  client.send('hangup', ids)
  assert.deepEqual(handle.calls, ['message'])
  finish({ data: {} })
  await settled()
  assert.deepEqual(handle.calls, ['message', 'hangup'])
  assert.deepEqual(client.kinds().slice(0, 4), ['ack', 'success', 'event', 'hangup'])
})

test('J-075 J-076 detach: success, then detached, no hangup; a second one is 459', async () => {
  const { client, ids, handle, gateway } = attached()
  client.send('message', { ...ids, body: {}, jsep: offer })
  await settled()
  client.kinds()
  client.raw({ janus: 'detach', transaction: 'd', ...ids })
  const { session_id, handle_id } = ids
  assert.deepEqual(client.received, [
    { janus: 'success', session_id, transaction: 'd' },
    { janus: 'detached', session_id, sender: handle_id },
  ])
  assert.equal(errorOf(client.send('detach', ids)), `459 No such handle ${handle_id} in session ${session_id}`)
  assert.equal(handle.calls.at(-1), 'detached')
  assert.deepEqual(gateway.live(), { sessions: 1, handles: 0 })
})

test('nothing comes from a handle that is gone, and detached is the last call', async () => {
  const { client, ids, handle } = attached()
  let finish = (_: PluginReply) => {}
  handle.respond = () => new Promise((resolve) => (finish = resolve))
  const body = { x: 'y' }
  for (let i = 0; i < 3; i++) client.raw({ janus: 'message', transaction: 't', ...ids, body }, 100)
  assert.equal(client.waiting.bytes, 300)
  client.send('detach', ids)
  client.kinds()
  finish({ data: {} })
  await settled()
  const { port } = handle
  port.push({})
  port.webrtcup()
  port.media('0', 'audio', true)
  port.hangup('x')
  port.detach()
  port.expireSession()
  assert.deepEqual(client.kinds(), [])
  assert.deepEqual(handle.calls, ['message', 'detached'])
  assert.equal(client.waiting.bytes, 0)
})

test('J-077 destroy: only success; the plugin is told; later use is 458', () => {
  const { client, ids, handle } = attached()
  handle.state = 'stable'
  const session = { session_id: ids.session_id }
  client.send('destroy', session)
  assert.deepEqual(client.kinds(), ['success'])
  assert.deepEqual(handle.calls, ['detached'])
  assert.equal(errorOf(client.send('keepalive', session)), `458 No such session ${ids.session_id}`)
  assert.equal(errorOf(client.send('message', ids)), `458 No such session ${ids.session_id}`)
})

test('J-079 J-080 J-083 webrtcup, media, slowlink, hangup and detached as the plugin says', () => {
  const { client, ids, handle } = attached()
  const { port } = handle
  port.webrtcup()
  port.media('0', 'audio', true)
  port.slowlink('0', 'audio', true, 63)
  port.hangup('DTLS alert')
  port.detach()
  const common = { session_id: ids.session_id, sender: ids.handle_id }
  assert.deepEqual(client.received, [
    { janus: 'webrtcup', ...common },
    { janus: 'media', ...common, mid: '0', type: 'audio', receiving: true },
    { janus: 'slowlink', ...common, mid: '0', media: 'audio', uplink: true, lost: 63 },
    { janus: 'hangup', ...common, reason: 'DTLS alert' },
    { janus: 'detached', ...common },
  ])
})

test('event handlers may ask for the addresses of a connection that is up; a plugin that throws then is logged', async () => {
  const answers: Promise<HandleInfo | undefined>[] = []
  const { client, handle, log } = attached({
    events: { ...noEvents, connected: (_, info) => answers.push(info(), info()) },
  })
  handle.port.webrtcup()
  assert.deepEqual(await Promise.all(answers.splice(0)), [handle.known, handle.known])
  handle.info = () => {
    throw new Error('made up')
  }
  handle.port.webrtcup()
  assert.deepEqual(await Promise.all(answers), [undefined, undefined])
  assert.deepEqual(client.kinds(), ['webrtcup', 'webrtcup'])
  assert.deepEqual(log.lines, Array(2).fill('error: a plugin threw: this is a bug'))
})

test('J-098 opaque_id is in events only with the option', () => {
  for (const opaqueIdInApi of [false, true]) {
    const { client, plugin } = world({ opaqueIdInApi })
    client.attach(client.create(), { opaque_id: 'me' })
    plugin.handles[0]!.port.webrtcup()
    assert.equal(client.received.at(-1)!.opaque_id, opaqueIdInApi ? 'me' : undefined)
  }
})

test('the plugin sees the query of the connection that attached', () => {
  const { gateway, plugin } = world()
  const client = new FakeClient(gateway, 'profile=upstream')
  client.attach(client.create())
  assert.equal(plugin.handles[0]!.port.query.get('profile'), 'upstream')
})

test('a plugin that fails is logged, answered with an event, and the queue goes on', async () => {
  const { client, ids, handle, log } = attached()
  handle.respond = ({ body }) => (body.bad ? Promise.reject(new Error('broken')) : { data: { fine: true } })
  client.raw({ janus: 'message', transaction: 'bad', ...ids, body: { bad: true } })
  client.raw({ janus: 'message', transaction: 'good', ...ids, body: {} })
  await settled()
  assert.deepEqual(client.kinds(), ['ack', 'ack', 'event', 'event'])
  assert.deepEqual(log.lines, ['error: a plugin threw: this is a bug'])
  client.raw({ janus: 'message', transaction: 'bad', ...ids, body: { bad: true } })
  await settled()
  const { data } = client.received.at(-1)!.plugindata as PluginReply
  assert.deepEqual(data, { success: false, error: { msg: 'Internal error.', code: 'internal_error' } })
})

test('H-41 requests that wait are bounded, in number and in bytes', () => {
  const { client, ids, handle } = attached({ limits: { waitingPerHandle: 3, waitingBytesPerConnection: 1000 } })
  handle.respond = () => new Promise(() => {})
  const send = (bytes: number) => client.raw({ janus: 'message', transaction: 't', ...ids, body: {} }, bytes)
  assert.equal(send(900).janus, 'ack')
  assert.equal(errorOf(send(101)), '462 Too many messages are waiting')
  for (let i = 0; i < 3; i++) assert.equal(send(1).janus, 'ack')
  assert.equal(errorOf(send(1)), '462 Too many messages are waiting')
  for (let i = 0; i < 1000; i++) client.send('trickle', { ...ids, candidate: null })
  assert.ok(
    client
      .kinds()
      .slice(-1000)
      .every((kind) => kind === 'ack'),
  )
})
