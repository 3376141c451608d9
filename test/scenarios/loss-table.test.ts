/** The table of networks that lose packets, with what must come out of each row. `npm run tables` writes it to docs/loss.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LossOutcome, lossColumns, lossRows, playLoss } from './tables/loss.js'
import { broken, markdown, type PlayedRow } from './tables/table.js'

const SEEDS = [1, 2]
const played: PlayedRow<LossOutcome>[] = []

for (const row of lossRows) {
  test(`video over a network with ${row.name}`, async () => {
    const result = { name: row.name, outcomes: await Promise.all(SEEDS.map((seed) => playLoss(row, seed))) }
    played.push(result)
    assert.deepEqual(broken(result, row), [])
  })
}

test('the table', (t) => {
  assert.equal(played.length, lossRows.length)
  for (const line of markdown('network', played, lossColumns).split('\n')) t.diagnostic(line)
})
