/** What may overtake what on one connection: nothing. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startServer } from '../support/server-process.js'
import { type Message, Wire } from '../support/wire.js'

const COUNT = 1_000

async function open(t: TestContext) {
  const server = await startServer(['--workers', '1'])
  const wire = await Wire.open(server.webSocketUrl)
  t.after(async () => {
    await wire.close()
    await server.stop()
  })
  const session_id = (await wire.request('create')).data!.id
  const attach = async () => (await wire.request('attach', { session_id, plugin: 'janus.plugin.sfu' })).data!.id
  return { wire, session_id, attach }
}

const transactions = (messages: readonly Message[]) => messages.map(({ transaction }) => transaction)

test('1,000 pipelined messages of two handles: acks and events in order, each ack before its event', async (t) => {
  const { wire, session_id, attach } = await open(t)
  const handles = [await attach(), await attach()]
  const { mark } = wire
  const body = (i: number) =>
    [
      { kind: 'subscribe', notifications: true },
      { kind: 'join', room_id: 'room', user_id: `user ${i % 2}` },
      { kind: 'data', body: `${i}` },
      { kind: 'block', whom: 'nobody' },
      { kind: 'unblock', whom: 'nobody' },
      { kind: 'nonsense' },
    ][Math.floor(i / 2) % 6]
  for (let i = 0; i < COUNT; i++) {
    wire.send({ janus: 'message', transaction: `m${i}`, session_id, handle_id: handles[i % 2], body: body(i) })
  }
  wire.send({ janus: 'ping', transaction: 'last' })
  await wire.seek(mark, ({ transaction }) => transaction === 'last', 60_000)
  const events = () => wire.received.slice(mark).filter(({ janus, transaction }) => janus === 'event' && transaction)
  for (const each of [COUNT - 1, COUNT - 2]) {
    await wire.seek(mark, ({ janus, transaction }) => janus === 'event' && transaction === `m${each}`, 60_000)
  }

  const replies = wire.received.slice(mark).filter(({ janus }) => janus !== 'event')
  const sent = Array.from({ length: COUNT }, (_, i) => `m${i}`)
  assert.deepEqual(transactions(replies), [...sent, 'last'])
  assert.ok(replies.slice(0, -1).every(({ janus }) => janus === 'ack'))
  for (const [index, handle] of handles.entries()) {
    const own = sent.filter((_, i) => i % 2 === index)
    assert.deepEqual(transactions(events().filter(({ sender }) => sender === handle)), own)
  }
  const places = new Map(wire.received.map((message, place) => [`${message.janus} ${message.transaction}`, place]))
  for (const each of sent) assert.ok(places.get(`ack ${each}`)! < places.get(`event ${each}`)!, each)
})

test('1,000 pipelined requests of all kinds: replies in order', async (t) => {
  const { wire, session_id, attach } = await open(t)
  const handle_id = await attach()
  const { mark } = wire
  const kinds: [janus: string, fields: object, reply: string][] = [
    ['ping', {}, 'pong'],
    ['keepalive', { session_id }, 'ack'],
    ['trickle', { session_id, handle_id, candidate: null }, 'ack'],
    ['hangup', { session_id, handle_id }, 'success'],
    ['info', {}, 'server_info'],
    ['claim', { session_id }, 'success'],
    ['nonsense', { session_id }, 'error'],
    ['message', { session_id, handle_id }, 'error'],
  ]
  const kind = (i: number) => kinds[i % kinds.length]!
  for (let i = 0; i < COUNT; i++) {
    const [janus, fields] = kind(i)
    wire.send({ janus, transaction: `r${i}`, ...fields })
  }
  await wire.seek(mark, ({ transaction }) => transaction === `r${COUNT - 1}`, 60_000)
  const got = wire.received.slice(mark).map(({ janus, transaction }) => `${transaction} ${janus}`)
  assert.deepEqual(
    got,
    Array.from({ length: COUNT }, (_, i) => `r${i} ${kind(i)[2]}`),
  )
})

test('success of a detach before its detached, also with messages under way', async (t) => {
  const { wire, session_id, attach } = await open(t)
  for (let round = 0; round < 50; round++) {
    const handle_id = await attach()
    const { mark } = wire
    const ids = { session_id, handle_id }
    const join = { kind: 'join', room_id: 'room', user_id: 'ann' }
    wire.send({ janus: 'message', transaction: 'm', ...ids, body: join })
    wire.send({ janus: 'detach', transaction: 'd', ...ids })
    const detached = await wire.seek(mark, ({ janus }) => janus === 'detached')
    await wire.ping()
    const order = wire.received
      .slice(mark)
      .filter(({ transaction, sender }) => transaction === 'd' || sender === handle_id)
    const success = order.findIndex(({ janus }) => janus === 'success')
    assert.ok(success >= 0 && success < order.indexOf(detached), JSON.stringify(order))
    assert.equal(order.at(-1), detached, 'nothing from a handle that is gone')
  }
})
