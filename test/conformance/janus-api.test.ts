/**
 * The Janus API row by row, against servers of our own, or against the one that `ROSTRA_URL` names
 * (`npm run conformance`; see test/conformance/janus/target.ts). Ends with a table.
 */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { isRun, NotApplicable, type Row } from './janus/row.js'
import { rows } from './janus/rows/index.js'
import { Stage } from './janus/stage.js'
import { openTarget } from './janus/target.js'

const LAST_ROW = 130
const target = openTarget()
const results = new Map<string, string>()

after(async () => {
  await target.close()
  process.stdout.write(table())
})

describe(`the Janus API on ${target.name}`, { concurrency: 8 }, () => {
  for (const row of rows) {
    test(`${row.id} ${row.behaviour}`, { timeout: 240_000 }, async (t) => {
      results.set(row.id, 'FAIL')
      const reason = await reasonAgainst(row)
      results.set(row.id, reason === undefined ? 'pass' : `not applicable: ${reason}`)
      if (reason !== undefined) t.diagnostic(`not applicable: ${reason}`)
    })
  }
})

test('every row of the list is there once', { skip: process.env.ROSTRA_URL !== undefined }, () => {
  const ids = Array.from({ length: LAST_ROW }, (_, index) => `J-${String(index + 1).padStart(3, '0')}`)
  assert.deepEqual(
    rows.map(({ id }) => id),
    ids,
  )
})

/** @returns why the row does not apply to the server; undefined when it was run */
async function reasonAgainst(row: Row): Promise<string | undefined> {
  const reason = isRun(row) ? await target.reason(row) : row.reason
  if (reason !== undefined) return reason
  try {
    await run(row)
  } catch (error) {
    // A server of our own has everything.
    if (!(error instanceof NotApplicable) || process.env.ROSTRA_URL === undefined) throw error
    return error.message
  }
  return undefined
}

async function run(row: Row): Promise<void> {
  assert.ok(isRun(row))
  const stage = new Stage(target, await target.server(row.on ?? 'plain'))
  try {
    await row.run(stage)
  } finally {
    await stage.end()
  }
}

function table(): string {
  const lines = rows.map(({ id, behaviour }) => `| ${id} | ${behaviour} | ${results.get(id) ?? 'not run'} |\n`)
  const count = (result: string) => [...results.values()].filter((each) => each.startsWith(result)).length
  const sum = `${count('pass')} pass, ${count('FAIL')} fail, ${count('not applicable')} not applicable`
  return `\n| row | behaviour | on ${target.name} |\n|---|---|---|\n${lines.join('')}\n${sum}\n`
}
