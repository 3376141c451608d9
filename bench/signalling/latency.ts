import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Latencies } from './shape.js'

/** Durations in µs, to three digits. */
export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram()

  record(microseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(microseconds)))
  }

  reset(): void {
    this.#histogram.reset()
  }

  read(): Latencies {
    const ms = (percentile: number) => this.#histogram.percentile(percentile) / 1_000
    const { count, max } = this.#histogram
    return { count, p50: ms(50), p90: ms(90), p99: ms(99), max: count === 0 ? 0 : max / 1_000 }
  }
}
