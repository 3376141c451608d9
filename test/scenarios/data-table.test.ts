/** The tables of data channels on bad networks, with what must come out of each row. `npm run tables` writes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BulkOutcome,
  bulkColumns,
  bulkRows,
  type GameOutcome,
  gameColumns,
  gameRows,
  playBulk,
  playGame,
} from './tables/data.js'
import { broken, markdown, type PlayedRow } from './tables/table.js'

const bulks: PlayedRow<BulkOutcome>[] = []
const games: PlayedRow<GameOutcome>[] = []

for (const row of bulkRows) {
  test(`20 MB over a network with ${row.name}`, () => {
    const result = { name: row.name, outcomes: [playBulk(row, 1)] }
    bulks.push(result)
    assert.deepEqual(broken(result, row), [])
  })
}

for (const row of gameRows) {
  test(`a game over a network with ${row.name}`, () => {
    const result = { name: row.name, outcomes: [1, 2].map((seed) => playGame(row, seed)) }
    games.push(result)
    assert.deepEqual(broken(result, row), [])
  })
}

test('the tables', (t) => {
  assert.deepEqual([bulks.length, games.length], [bulkRows.length, gameRows.length])
  for (const line of markdown('each way', bulks, bulkColumns).split('\n')) t.diagnostic(line)
  for (const line of markdown('each way', games, gameColumns).split('\n')) t.diagnostic(line)
})
