/** `npm run tables`: plays the rows of the scenario tables and writes them into the pages that show them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { bulkColumns, bulkRows, gameColumns, gameRows, playBulk, playGame } from './data.js'
import { lossColumns, lossRows, playLoss } from './loss.js'
import { playStep, stepColumns, stepRows } from './steps.js'
import { markdown, type PlayedRow } from './table.js'

const SEEDS = [1, 2]

/** Replaces what stands between the two marks of a table. @throws Error when the page has none of that name */
function write(page: string, name: string, table: string): void {
  const text = readFileSync(page, 'utf8')
  const marks = [`<!-- table ${name} -->`, `<!-- end of ${name} -->`]
  const [begin, end] = marks.map((mark) => text.indexOf(mark))
  if (begin! < 0 || end! < begin!) throw new Error(`${page} has no marks of a table ${name}`)
  writeFileSync(page, `${text.slice(0, begin! + marks[0]!.length)}\n\n${table}\n\n${text.slice(end)}`)
}

/** Which tables: all, or those named on the command line. */
const wanted = (name: string) => process.argv.length < 3 || process.argv.includes(name)

type Play<R, O> = (row: R, seed: number) => O | Promise<O>

/** Plays every row with every seed. */
async function play<R extends { name: string }, O>(
  rows: readonly R[],
  run: Play<R, O>,
  seeds: readonly number[] = SEEDS,
) {
  const played: PlayedRow<O>[] = []
  for (const row of rows) {
    const outcomes: O[] = []
    for (const seed of seeds) outcomes.push(await run(row, seed))
    played.push({ name: row.name, outcomes })
  }
  return played
}

if (wanted('loss')) {
  write('docs/loss.md', 'loss', markdown('each way', await play(lossRows, playLoss), lossColumns))
}
if (wanted('steps')) {
  write('docs/congestion.md', 'steps', markdown('thin link', await play(stepRows, playStep), stepColumns))
}
if (wanted('data')) {
  write('docs/data-channels.md', 'bulk', markdown('each way', await play(bulkRows, playBulk, [1]), bulkColumns))
  write('docs/data-channels.md', 'game', markdown('each way', await play(gameRows, playGame), gameColumns))
}
