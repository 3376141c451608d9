/** What a part of the bench is: a question, measured on servers in turn. */
import type { SubjectName } from '../peers/open.js'
import type { Table, Verdict } from '../report/markdown.js'

export interface PartOptions {
  readonly runs: number
  readonly seconds: number
  /** Of a soak. */
  readonly soakMinutes: number
  /** Servers to measure, of the part's subjects. */
  readonly only: readonly SubjectName[]
  /** Fewer steps, to see whether it works; figures are worth little. */
  readonly quick: boolean
  /** Progress. */
  say(line: string): void
}

export interface PartReport {
  readonly title: string
  /** How it was measured. */
  readonly method: string
  readonly tables: readonly Table[]
  readonly verdicts: readonly Verdict[]
  /** An SVG document. */
  readonly svg?: string
  /** A missed verdict is a failure of the command. */
  readonly mustHold?: boolean
}

export interface Part {
  readonly name: string
  /** Of a whole run on two cores, for who waits; undefined: as many as it is told to. */
  readonly minutes?: number
  /** Servers that it can measure. */
  readonly subjects: readonly SubjectName[]
  run(options: PartOptions): Promise<PartReport>
}
