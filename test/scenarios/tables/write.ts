/** `npm run tables`: plays the rows of the scenario tables and writes them into the pages that show them. */
import { readFileSync, writeFileSync } from 'node:fs'
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

/** Plays every row with every seed. */
async function play<R extends { name: string }, O>(rows: readonly R[], run: (row: R, seed: number) => Promise<O>) {
  const played: PlayedRow<O>[] = []
  for (const row of rows) {
    const outcomes: O[] = []
    for (const seed of SEEDS) outcomes.push(await run(row, seed))
    played.push({ name: row.name, outcomes })
  }
  return played
}

write('docs/loss.md', 'loss', markdown('each way', await play(lossRows, playLoss), lossColumns))
write('docs/congestion.md', 'steps', markdown('thin link', await play(stepRows, playStep), stepColumns))
