/** What event handlers are told of rooms. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from './auth.js'
import { offers, stage } from './testing/peer.js'

const place = { room_id: 'room', user_id: 'ann' }

test('join, published, unpublished and leave, once each, in this order', async () => {
  const { peer } = stage()
  const ann = peer()
  await ann.publish(offers.media)
  assert.deepEqual(ann.notices, [], 'nobody is in a room yet')
  await ann.join('ann')
  ann.handle.detached()
  assert.deepEqual(ann.notices, [
    { event: 'join', ...place },
    { event: 'published', ...place, audio: 1, video: 1 },
    { event: 'unpublished', ...place },
    { event: 'leave', ...place },
  ])
})

test('a user who publishes after joining, and hangs up', async () => {
  const ann = stage().peer()
  await ann.join('ann')
  await ann.publish(offers.data)
  ann.handle.hangup('Janus API')
  assert.deepEqual(ann.notices.slice(1), [
    { event: 'published', ...place, audio: 0, video: 0 },
    { event: 'unpublished', ...place },
  ])
})

test('block and unblock when something changes, and only then', async () => {
  const ann = stage().peer()
  await ann.join('ann')
  for (const kind of ['block', 'block', 'unblock', 'unblock']) await ann.ok({ kind, whom: 'bob' })
  assert.deepEqual(ann.notices.slice(1), [
    { event: 'block', ...place, whom: 'bob' },
    { event: 'unblock', ...place, whom: 'bob' },
  ])
})

test('a kick is told by whoever did it, before the kicked one leaves; a kick of nobody is not', async () => {
  const told: string[] = []
  const { peer } = stage({ auth: { ...open, kick: async () => undefined } })
  const [moderator, ann] = [peer(), peer()]
  for (const each of [moderator, ann]) {
    each.notices.push = (...notices: object[]) => told.push(...notices.map((notice) => JSON.stringify(notice)))
  }
  await moderator.join('mod')
  await ann.join('ann')
  told.length = 0
  await moderator.ok({ kind: 'kick', ...place })
  await moderator.ok({ kind: 'kick', ...place })
  assert.deepEqual(
    told.map((notice) => JSON.parse(notice) as object),
    [
      { event: 'kick', ...place, by: 'mod' },
      { event: 'leave', ...place },
    ],
  )
})
