import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errors } from './errors.js'
import type { SfuEvent } from './events.js'
import { messages } from './messages/index.js'

const page = readFileSync(new URL('../../../docs/messages.md', import.meta.url), 'utf8')

test('every message, event and error code is on the page, and no other', () => {
  const sections = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, name]) => name)
  assert.deepEqual(sections, Object.keys(messages))
  const rows = [...page.slice(page.indexOf('## Error codes')).matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)
  assert.deepEqual(rows, Object.keys(errors))
  const events: Record<SfuEvent['event'], true> = {
    join: true,
    leave: true,
    blocked: true,
    unblocked: true,
    data: true,
  }
  const told = [...page.matchAll(/^### `(\w+)` event$/gm)].map(([, name]) => name)
  assert.deepEqual(told, Object.keys(events))
})

test('every example of a message on the page is one', () => {
  const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as object)
  const bodies = examples.filter((example): example is { kind: keyof typeof messages } => 'kind' in example)
  assert.deepEqual([...new Set(bodies.map(({ kind }) => kind))], Object.keys(messages))
  for (const body of bodies) assert.ok(messages[body.kind].schema.safeParse(body).success, JSON.stringify(body))
})

test('the words of the original are kept', () => {
  const kept = [
    'Handles may only join once!',
    "Can't subscribe to a nonexistent publisher.",
    'Room is full.',
    'Server is full.',
    'Rejecting anonymous join!',
    'Rejecting join without permission!',
    'Rejecting join with invalid token!',
  ]
  for (const words of kept) assert.ok((Object.values(errors) as string[]).includes(words), words)
})
