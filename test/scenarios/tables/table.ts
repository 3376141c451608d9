/** Tables of scenarios: rows that were played with several seeds, their bounds, and how they are printed. */

/** One column; `O` is what playing a row gives. */
export interface Column<O> {
  key: keyof O & string
  title: string
  format(value: number): string
}

export interface PlayedRow<O> {
  name: string
  /** One for each seed. */
  outcomes: readonly O[]
}

/** Bounds that every seed of a row must keep, inclusive. */
export interface Bounds<O> {
  atLeast: Partial<O>
  atMost: Partial<O>
}

export const percent = (value: number): string => `${(value * 100).toFixed(value !== 0 && value < 0.1 ? 1 : 0)} %`
export const whole = (value: number): string => value.toFixed(0)
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** What is out of bounds, in words; none when all is well. */
export function broken<O extends object>({ outcomes }: PlayedRow<O>, bounds: Bounds<O>): string[] {
  const found: string[] = []
  for (const [seed, outcome] of outcomes.entries()) {
    for (const [key, value] of Object.entries(outcome) as [keyof O & string, number][]) {
      const [least, most] = [bounds.atLeast[key], bounds.atMost[key]] as (number | undefined)[]
      if (least !== undefined && !(value >= least)) found.push(`run ${seed}: ${key} ${value} < ${least}`)
      if (most !== undefined && !(value <= most)) found.push(`run ${seed}: ${key} ${value} > ${most}`)
    }
  }
  return found
}

/** A Markdown table with the mean of all runs, columns aligned. */
export function markdown<O extends object>(
  first: string,
  rows: readonly PlayedRow<O>[],
  columns: readonly Column<O>[],
) {
  const head = [first, ...columns.map(({ title }) => title)]
  const body = rows.map(({ name, outcomes }) => [name, ...columns.map((column) => cell(outcomes, column))])
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...body.map(line)].join('\n')
}

function cell<O>(outcomes: readonly O[], { key, format }: Column<O>): string {
  const values = outcomes.map((outcome) => outcome[key] as number)
  return format(values.reduce((sum, value) => sum + value, 0) / values.length)
}
