/** J-089 … J-099: how long sessions live, whose they are, and the envelope of errors. */
import assert from 'node:assert/strict'
import type { Row } from '../row.js'
import type { Session, Stage } from '../stage.js'

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
