/** J-089 … J-099, without the admin's part: how long sessions live, whose they are, and the envelope of errors. */
import assert from 'node:assert/strict'
import { DataChannels } from '../../../support/data-channels.js'
import { eventually } from '../../../support/eventually.js'
import type { Row } from '../row.js'
import { isError, type Session, type Stage } from '../stage.js'

const timeoutMs = ({ server }: Stage) => Number(server.info['session-timeout']) * 1_000

const timedOut = (session: Session, withinMs: number) =>
  session.wire.seek(0, (each) => each.janus === 'timeout' && each.session_id === session.id, withinMs)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Does something a few times per timeout, for longer than a timeout. */
async function keepOn(stage: Stage, act: () => Promise<unknown>): Promise<void> {
  const stepMs = timeoutMs(stage) / 3
  for (let step = 0; step < 5; step++) {
    await pause(stepMs)
    await act()
  }
}

export const sessions: readonly Row[] = [
  {
    id: 'J-089',
    behaviour: 'an idle session ends with timeout, and is 458 afterwards',
    on: 'hasty',
    async run(stage) {
      const createdMs = performance.now()
      const session = await stage.session()
      const event = await timedOut(session, timeoutMs(stage) + 5_000)
      const afterMs = performance.now() - createdMs
      assert.deepEqual(event, { janus: 'timeout', session_id: session.id })
      assert.ok(afterMs >= timeoutMs(stage) - 100, `after ${Math.round(afterMs)} ms`)
      await session.refused('keepalive', {}, 458, `No such session ${session.id}`)
    },
  },
  {
    id: 'J-090',
    behaviour: 'requests that fail refresh the session too',
    on: 'hasty',
    async run(stage) {
      const session = await stage.session()
      await keepOn(stage, () => session.refused('foo', {}, 453, "Unknown request 'foo'"))
      assert.equal((await session.request('keepalive')).janus, 'ack')
    },
  },
  {
    id: 'J-091',
    behaviour: 'pings, of the WebSocket and of Janus, do not refresh it',
    on: 'hasty',
    async run(stage) {
      const session = await stage.session()
      const ended = timedOut(session, 2 * timeoutMs(stage))
      await keepOn(stage, async () => {
        session.wire.socket.ping()
        await session.wire.ping()
      })
      await ended
    },
  },
  {
    id: 'J-093',
    behaviour: 'with reclaim a session survives its socket; claim moves the events, PeerConnections keep running',
    on: 'reclaim',
    async run(stage) {
      const handle = await stage.handle()
      const { session } = handle
      const channels = new DataChannels(await handle.up())
      session.wire.socket.terminate()
      const wire = await stage.connect()
      const ids = { session_id: session.id }
      const { transaction, ...claimed } = await wire.request('claim', ids)
      assert.deepEqual(claimed, { janus: 'success', ...ids })
      const { mark } = wire
      await wire.request('message', { ...ids, handle_id: handle.id, body: stage.plugin.harmless })
      assert.equal((await wire.seek(mark, ({ janus }) => janus === 'event')).sender, handle.id)
      const channel = { label: 'after', protocol: '', ordered: true }
      await eventually('data', () => channels.send(channel, new Uint8Array([1])) === 'sent')
      await eventually('acknowledged', () => channels.bufferedBytes === 0)
      channels.close()
      assert.deepEqual(
        wire.received.filter(({ janus }) => janus === 'hangup'),
        [],
      )
    },
  },
  {
    id: 'J-094',
    behaviour: 'reclaim ends a session so long after its last request',
    on: 'reclaim',
    async run(stage) {
      const session = await stage.session()
      const lastMs = performance.now()
      session.wire.socket.terminate()
      const reclaimMs = Number(stage.server.info['reclaim-session-timeout']) * 1_000
      await pause(reclaimMs * 0.7 - (performance.now() - lastMs))
      const wire = await stage.connect()
      const ids = { session_id: session.id }
      // Requests from elsewhere work meanwhile, and count.
      assert.equal((await wire.request('keepalive', ids)).janus, 'ack')
      await pause(reclaimMs * 0.7)
      assert.equal((await wire.request('keepalive', ids)).janus, 'ack')
      await pause(reclaimMs + 4_500)
      isError(await wire.request('claim', ids), 458, `No such session ${session.id}`, session.id)
    },
  },
  {
    id: 'J-095',
    behaviour: 'events while the transport is lost are dropped',
    on: 'reclaim',
    async run(stage) {
      const handle = await stage.handle()
      const { session } = handle
      await session.wire.close()
      const wire = await stage.connect()
      const ids = { session_id: session.id }
      const message = { ...ids, handle_id: handle.id, body: stage.plugin.harmless }
      assert.equal((await wire.request('message', message)).janus, 'ack')
      // The plugin answers in the time that a message takes.
      await pause(300)
      await wire.request('claim', ids)
      const { mark } = wire
      const { transaction } = await wire.request('message', message)
      const event = await wire.seek(mark, ({ janus }) => janus === 'event')
      assert.equal(event.transaction, transaction)
      assert.equal(wire.received.filter(({ janus }) => janus === 'event').length, 1)
    },
  },
  {
    id: 'J-096',
    behaviour: 'claim of the own session is a success, of an unknown one 458',
    async run(stage) {
      const handle = await stage.handle()
      const { session } = handle
      const { transaction, ...success } = await session.request('claim')
      assert.deepEqual(success, { janus: 'success', session_id: session.id })
      await handle.message(stage.plugin.harmless)
      await session.request('destroy')
      await session.refused('claim', {}, 458, `No such session ${session.id}`)
    },
  },
  {
    id: 'J-098',
    behaviour: 'opaque_id is in events only when that is set',
    on: 'opaque',
    needs: ['own'],
    async run(stage) {
      const session = await stage.session()
      const named = await session.attach({ opaque_id: 'me' })
      const { ack, event } = await named.message(stage.plugin.harmless)
      assert.equal(event.opaque_id, 'me')
      assert.equal('opaque_id' in ack, false)
      const nameless = await session.attach()
      assert.equal('opaque_id' in (await nameless.message(stage.plugin.harmless)).event, false)
      const elsewhere = await stage.elsewhere('plain')
      const silent = await (await elsewhere.session()).attach({ opaque_id: 'me' })
      assert.equal('opaque_id' in (await silent.message(stage.plugin.harmless)).event, false)
    },
  },
  {
    id: 'J-099',
    behaviour: 'errors have code and reason, session_id and transaction when known, and nothing else',
    async run(stage) {
      const handle = await stage.handle()
      const { session, wire } = handle
      const known = { session_id: session.id }
      const asks: [fields: object, named: { session_id?: number; transaction?: string }][] = [
        [{ janus: 'foo', transaction: 't' }, { transaction: 't' }],
        [
          { janus: 'foo', transaction: 't', ...known },
          { transaction: 't', ...known },
        ],
        [
          { janus: 'hangup', transaction: 't', ...known, handle_id: 0 },
          { transaction: 't', ...known },
        ],
        [
          { janus: 'hangup', transaction: 't', session_id: 1 },
          { transaction: 't', session_id: 1 },
        ],
        [{ janus: 'hangup' }, {}],
        [{ janus: 'hangup', ...known }, known],
        [{ janus: 1, transaction: 't', ...known }, known],
        [{ janus: 'create', transaction: 't', id: -1 }, {}],
        [
          { janus: 'message', transaction: 't', ...known, handle_id: handle.id },
          { transaction: 't', ...known },
        ],
      ]
      for (const [fields, named] of asks) {
        const { error, ...envelope } = await wire.ask(fields)
        assert.deepEqual(envelope, { janus: 'error', ...named }, JSON.stringify(fields))
        assert.deepEqual(Object.keys(error!).sort(), ['code', 'reason'])
        assert.ok(error!.code >= 403 && error!.code <= 490 && error!.reason.length > 0)
      }
    },
  },
]
