/** J-001 … J-014: the WebSocket transport. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { eventually } from '../../../support/eventually.js'
import { refusal } from '../../../support/wire.js'
import type { Row } from '../row.js'
import { isError } from '../stage.js'

export const websocket: readonly Row[] = [
  {
    id: 'J-001',
    behaviour: 'upgrade with janus-protocol selects it, with CORS',
    async run({ server }) {
      const socket = new WebSocket(server.url, 'janus-protocol')
      const opened = once(socket, 'open')
      const [response] = await once(socket, 'upgrade')
      assert.equal(response.headers['sec-websocket-protocol'], 'janus-protocol')
      assert.equal(response.headers['access-control-allow-origin'], '*')
      await opened
      socket.close()
      await once(socket, 'close')
    },
  },
  {
    id: 'J-002',
    behaviour: 'janus-protocol is picked out of a list',
    async run(stage) {
      const wire = await stage.connect('', ['foo', 'janus-protocol'])
      assert.equal(wire.socket.protocol, 'janus-protocol')
    },
  },
  {
    id: 'J-003',
    behaviour: 'a missing or unknown subprotocol is refused',
    async run({ server }) {
      for (const protocols of [[], ['foo'], ['janus-protocolx']]) {
        const status = await refusal(server.url, protocols)
        assert.ok(status === undefined || status >= 400, `${protocols}: ${status}`)
      }
    },
  },
  {
    id: 'J-004',
    behaviour: 'janus-admin-protocol is refused on the Janus port',
    async run({ server }) {
      const status = await refusal(server.url, ['janus-admin-protocol'])
      assert.ok(status === undefined || status >= 400, String(status))
    },
  },
  {
    id: 'J-005',
    behaviour: 'any path and query work',
    async run(stage) {
      for (const path of ['/x?y', '/janus', '/a/b/c?profile=nonsense&z=%20']) await (await stage.connect(path)).ping()
    },
  },
  {
    id: 'J-006',
    behaviour: 'one JSON document per text message',
    async run(stage) {
      const wire = await stage.connect()
      const binary: boolean[] = []
      wire.socket.on('message', (_, isBinary) => binary.push(isBinary))
      for (let i = 0; i < 3; i++) wire.send({ janus: 'ping', transaction: `${i}` })
      for (let i = 0; i < 3; i++) assert.deepEqual(await wire.next(), { janus: 'pong', transaction: `${i}` })
      assert.deepEqual(binary, [false, false, false])
    },
  },
  {
    id: 'J-007',
    behaviour: 'binary and fragmented messages are parsed',
    async run(stage) {
      const wire = await stage.connect()
      wire.socket.send(Buffer.from('{"janus":"ping","transaction":"ü"}'))
      assert.equal((await wire.next()).transaction, 'ü')
      wire.socket.send('{"janus":"pi', { fin: false })
      wire.socket.send('ng","transaction":"f"}', { fin: true })
      assert.equal((await wire.next()).transaction, 'f')
    },
  },
  {
    id: 'J-008',
    behaviour: 'concatenated documents are answered in order',
    async run(stage) {
      const wire = await stage.connect()
      const ping = (transaction: string) => JSON.stringify({ janus: 'ping', transaction })
      wire.send(`${ping('1')}${ping('2')}${ping('{3}')}`)
      for (const transaction of ['1', '2', '{3}']) assert.deepEqual(await wire.next(), { janus: 'pong', transaction })
    },
  },
  {
    id: 'J-009',
    behaviour: 'a WebSocket ping gets a pong with its payload',
    async run(stage) {
      const { socket } = await stage.connect()
      socket.ping('hi')
      const [payload] = await once(socket, 'pong')
      assert.equal(String(payload), 'hi')
    },
  },
  {
    id: 'J-010',
    behaviour: 'several sessions on one socket are independent',
    async run(stage) {
      const wire = await stage.connect()
      const [a, b] = [await stage.session(wire), await stage.session(wire)]
      assert.notEqual(a.id, b.id)
      assert.equal((await a.request('destroy')).janus, 'success')
      assert.equal((await b.request('keepalive')).janus, 'ack')
      await a.refused('keepalive', {}, 458, `No such session ${a.id}`)
    },
  },
  {
    id: 'J-011',
    behaviour: 'closing the socket destroys its sessions',
    async run(stage) {
      const session = await stage.session()
      await session.attach()
      const other = await stage.connect()
      await session.wire.close()
      // The server learns of the end in its own time: a little after the client.
      await eventually('the session is gone', async () => {
        const reply = await other.request('keepalive', { session_id: session.id })
        return reply.error?.code === 458
      })
    },
  },
  {
    id: 'J-012',
    behaviour: 'destroy and timeout leave the socket open',
    on: 'hasty',
    async run(stage) {
      const session = await stage.session()
      await session.request('destroy')
      await session.wire.ping()
      const idle = await stage.session(session.wire)
      const timeoutMs = Number(stage.server.info['session-timeout']) * 1_000
      const isTimeout = (message: { janus: string; session_id?: number }) =>
        message.janus === 'timeout' && message.session_id === idle.id
      await idle.wire.seek(0, isTimeout, timeoutMs + 5_000)
      await idle.wire.ping()
    },
  },
  {
    id: 'J-013',
    behaviour: 'a message of 300 kB is accepted',
    async run(stage) {
      const wire = await stage.connect()
      const reply = await wire.ask({ janus: 'ping', transaction: 'big', pad: 'x'.repeat(300_000) })
      assert.deepEqual(reply, { janus: 'pong', transaction: 'big' })
    },
  },
  {
    id: 'J-014',
    behaviour: 'replies go to the requester, events to the owner',
    async run(stage) {
      const handle = await stage.handle()
      const other = await stage.connect()
      const ids = { session_id: handle.session.id, handle_id: handle.id }
      const { mark } = handle.wire
      const ack = await other.request('message', { ...ids, body: stage.plugin.harmless })
      assert.equal(ack.janus, 'ack')
      const event = await handle.event(mark, 'event')
      assert.equal(event.transaction, ack.transaction)
      await other.ping()
      assert.deepEqual(
        other.received.map(({ janus }) => janus),
        ['ack', 'pong'],
      )
      isError(await other.request('foo', ids), 453, "Unknown request 'foo'", handle.session.id)
    },
  },
]
