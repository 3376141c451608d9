/** The table of thin links, with what must come out of each row. `npm run tables` writes it to docs/congestion.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playStep, stepRows } from './tables/steps.js'
import { broken } from './tables/table.js'

/** Of the first row, which is the one that all others differ from; of those the first seed will do. */
const SEEDS = [1, 2, 3, 4]

for (const [index, row] of stepRows.entries()) {
  test(`3 Mbit/s → thin → 3 Mbit/s: ${row.name}`, async () => {
    const seeds = index === 0 ? SEEDS : SEEDS.slice(0, 1)
    const outcomes = await Promise.all(seeds.map((seed) => playStep(row, seed)))
    assert.deepEqual(broken({ name: row.name, outcomes }, row), [])
  })
}
