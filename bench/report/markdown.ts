/** A bench's outcome as Markdown. */

export interface Table {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A target that the product has set itself, and what was measured. */
export interface Verdict {
  readonly target: string
  readonly measured: string
  readonly met: boolean
}

export function tableText({ title, head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [`**${title}**`, '', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n')
}

export function verdictTable(verdicts: readonly Verdict[]): Table {
  const rows = verdicts.map(({ target, measured, met }) => [target, measured, met ? 'met' : 'missed'])
  return { title: 'Targets', head: ['target', 'measured', ''], rows }
}
