import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type EventKind, eventKinds, eventTypes } from './event-types.js'

const page = readFileSync(new URL('../../../../docs/events.md', import.meta.url), 'utf8')

test('the page has a row for every kind of event, with its fields, and no other', () => {
  const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| (\S+) \| ([^|]*) \|/gm)].map(
    ([, type, name, sub, fields]) => ({
      type: Number(type),
      name,
      ...(sub !== '–' && { subtype: Number(sub) }),
      fields: [...fields!.matchAll(/`([^`]+)`/g)].map(([, field]) => field!),
    }),
  )
  const kinds: readonly EventKind[] = eventKinds
  assert.deepEqual(
    rows,
    kinds.map(({ type, subtype, fields }) => ({
      type: eventTypes[type],
      name: type,
      ...(subtype !== undefined && { subtype }),
      fields: [...fields],
    })),
  )
})
