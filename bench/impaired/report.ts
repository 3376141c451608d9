/** The table, as text that is Markdown too. */
import type { Summary } from './summary.js'

export interface Row {
  scenario: string
  who: string
  summary: Summary
  /** Of the relay itself, 99th percentile. */
  lateMs: number
}

/** A relay that was later than this has made its own jitter. */
const LATE_MS = 10

function remarks({ summary, lateMs }: Row): string {
  const all = [...(summary.cpuLimited ? ['too little CPU'] : []), ...(lateMs > LATE_MS ? ['relay late'] : [])]
  return all.length > 0 ? ` (${all.join(', ')})` : ''
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`

const columns: [string, (summary: Summary) => string][] = [
  ['frozen', ({ frozenMs }) => `${(frozenMs / 1_000).toFixed(1)} s`],
  ['freezes', ({ freezes }) => String(freezes)],
  ['frames/s', ({ framesPerSecond }) => framesPerSecond.toFixed(1)],
  ['encoded', ({ encoded }) => percent(encoded)],
  ['delivered', ({ delivered }) => percent(delivered)],
  ['kbit/s', ({ receivedBps }) => (receivedBps / 1_000).toFixed(0)],
  ['height', ({ height }) => String(height)],
  ['age', ({ ageMs }) => `${ageMs.p50.toFixed(0)} / ${ageMs.p90.toFixed(0)} ms`],
  ['jitter buffer', ({ jitterBufferMs }) => `${jitterBufferMs.toFixed(0)} ms`],
  ['queue', ({ queueMs }) => `${queueMs.toFixed(0)} ms`],
  ['sound made up', ({ concealed }) => `${(concealed * 100).toFixed(1)} %`],
  ['down', ({ downMs }) => (downMs === undefined ? '–' : `${(downMs / 1_000).toFixed(1)} s`)],
  ['thin link used', ({ thinUse }) => (thinUse === undefined ? '–' : `${(thinUse * 100).toFixed(0)} %`)],
  ['wait there', ({ thinQueueMs }) => (thinQueueMs === undefined ? '–' : `${thinQueueMs.toFixed(0)} ms`)],
  ['up', ({ upMs }) => (upMs === undefined ? '–' : `${(upMs / 1_000).toFixed(1)} s`)],
]

export function table(rows: readonly Row[]): string {
  const cells = [
    ['scenario', 'who', ...columns.map(([title]) => title)],
    ...rows.map((row) => [`${row.scenario}${remarks(row)}`, row.who, ...columns.map(([, text]) => text(row.summary))]),
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const [head, ...rest] = cells
  return [line(head!), rule, ...rest.map(line)].join('\n')
}
