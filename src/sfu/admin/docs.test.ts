/** docs/admin.md lists every message of operators, and its examples are messages. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { adminMessages } from './index.js'

const page = readFileSync(new URL('../../../../docs/admin.md', import.meta.url), 'utf8')
const section = page.slice(page.indexOf('## Messages to the plugin'))

test('every kind has a row with its fields, and an example', () => {
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].filter(([, kind]) => kind !== 'kind')
  assert.deepEqual(
    rows.map(([, kind]) => kind),
    Object.keys(adminMessages),
  )
  for (const [, kind, cell] of rows) {
    const { shape } = adminMessages[kind as keyof typeof adminMessages].schema
    const fields = [...cell!.matchAll(/`(\w+)`/g)].map(([, field]) => field)
    assert.deepEqual(
      fields.sort(),
      Object.keys(shape)
        .filter((field) => field !== 'kind')
        .sort(),
      kind,
    )
  }
  const examples = [...section.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!))
  assert.deepEqual(
    examples.map(({ kind }) => kind),
    Object.keys(adminMessages),
  )
  for (const example of examples) {
    const { schema } = adminMessages[example.kind as keyof typeof adminMessages]
    assert.ok(schema.safeParse(example).success, JSON.stringify(example))
  }
})
