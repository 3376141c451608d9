/** Histograms that others have counted, in Prometheus' text format. */

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>
  /** Inclusive upper ends of the buckets, ascending. */
  readonly bounds: readonly number[]
  /** Per bucket, and one more for what is above the last; not cumulative. */
  readonly counts: readonly number[]
  readonly sum: number
}

export function histogramText(name: string, help: string, series: readonly HistogramSeries[]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  for (const { labels, bounds, counts, sum } of series) {
    const own = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
    let count = 0
    for (const [bucket, inBucket] of counts.entries()) {
      count += inBucket
      lines.push(`${name}_bucket{${[...own, `le="${bounds[bucket] ?? '+Inf'}"`].join(',')}} ${count}`)
    }
    lines.push(`${name}_sum{${own.join(',')}} ${sum}`, `${name}_count{${own.join(',')}} ${count}`)
  }
  return `${lines.join('\n')}\n`
}
