/** Several runs of the same measurement as one figure. */
import { median } from '../load/cpu.js'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** @returns NaN throughout for no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, min: Number.NaN, max: Number.NaN }
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * Pair by pair: what disturbs the machine for a while disturbs both of a pair.
 * @param values of one run each; undefined: there is none of that run, which leaves the pair out
 */
export function ratioOf(values: readonly (number | undefined)[], others: readonly (number | undefined)[]): Spread {
  return spreadOf(
    values.flatMap((value, run) => {
      const other = others[run]
      return value === undefined || other === undefined ? [] : [value / other]
    }),
  )
}

/** Three digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  return size >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(size >= 10 ? 1 : 2)
}

/** `9.81 (9.6–10.2)`, or `–` for no values. */
export function spreadText({ median, min, max }: Spread): string {
  return min === max || Number.isNaN(median) ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`
}
