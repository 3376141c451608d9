import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** Milliseconds; 0 throughout when nothing was recorded. */
export interface Latencies {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Durations in µs, kept to three digits in a histogram of constant size. */
export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram()

  record(microseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(microseconds)))
  }

  reset(): void {
    this.#histogram.reset()
  }

  read(): Latencies {
    const { count, max } = this.#histogram
    const ms = (percentile: number) => (count === 0 ? 0 : this.#histogram.percentile(percentile) / 1_000)
    return { count, p50: ms(50), p90: ms(90), p95: ms(95), p99: ms(99), max: count === 0 ? 0 : max / 1_000 }
  }
}
