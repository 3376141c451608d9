/** J-129 and J-130: what event handlers get. */
import assert from 'node:assert/strict'
import type { ReceivedEvent } from '../../../support/event-receiver.js'
import type { Row } from '../row.js'
import type { Stage } from '../stage.js'

/** A user of a session of its own who connects and goes. @returns the ids, when all of it was told */
async function visit(stage: Stage): Promise<{ session_id: number; handle_id: number }> {
  const session = await stage.session()
  const handle = await session.attach({ opaque_id: 'mine' })
  await handle.up()
  await handle.request('hangup')
  await session.request('destroy')
  const over = ({ type, session_id, event }: ReceivedEvent) =>
    type === 1 && session_id === session.id && event.name === 'destroyed'
  await stage.server.events!.find(over)
  return { session_id: session.id, handle_id: handle.id }
}

export const events: readonly Row[] = [
  {
    id: 'J-129',
    behaviour: 'event handlers: envelopes and types',
    on: 'told',
    needs: ['own'],
    async run(stage) {
      const { session_id, handle_id } = await visit(stage)
      const all = stage.server.events!.events
      const mine = all.filter((event) => event.session_id === session_id)
      const types = [...new Set(mine.map(({ type, subtype = 0 }) => `${type}.${subtype}`))]
      for (const type of ['1.0', '2.0', '8.0', '16.2', '16.5', '16.6'])
        assert.ok(types.includes(type), `${type}: ${types}`)
      for (const event of mine) {
        const { emitter, type, timestamp } = event
        assert.ok(typeof emitter === 'string' && Math.abs(timestamp / 1_000 - Date.now()) < 60_000)
        const ids = type === 1 ? [undefined, undefined] : [handle_id, 'mine']
        assert.deepEqual([event.handle_id, event.opaque_id], ids, JSON.stringify(event))
      }
      assert.deepEqual(all[0]?.event.status, 'started')
      assert.ok(all.some(({ type, session_id, handle_id }) => type === 128 && !session_id && !handle_id))
    },
  },
  {
    id: 'J-130',
    behaviour: 'event handlers: grouping posts arrays',
    on: 'told',
    needs: ['own'],
    async run(stage) {
      await visit(stage)
      assert.ok(stage.server.events!.posts.every(({ body }) => Array.isArray(JSON.parse(body))))
      assert.ok(stage.server.events!.posts.some(({ body }) => (JSON.parse(body) as unknown[]).length > 1))
      const other = await stage.elsewhere('told one by one')
      await visit(other)
      assert.ok(other.server.events!.posts.every(({ body }) => typeof JSON.parse(body).type === 'number'))
    },
  },
]
