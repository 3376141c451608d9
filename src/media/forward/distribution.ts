/** How values are spread: counts by buckets with fixed bounds, as a Prometheus histogram wants them. */
import type { DistributionCounts } from '../control.js'

export class Distribution {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  /** @param bounds inclusive upper ends of the buckets, ascending; one more bucket takes what is above the last */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** One more value. */
  add(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#sum += value
  }

  /** A copy: values by the bucket that they fall into, and their sum. */
  counts(): DistributionCounts {
    return { bounds: [...this.#bounds], counts: [...this.#counts], sum: this.#sum }
  }
}

const SHARES = [0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]

/** What the reports of RTCP say about the network, both ways. */
export class Distributions {
  /** Round trips to subscribers, in seconds. */
  readonly rtt = new Distribution([0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5])
  /** Share of packets lost between two reports: from publishers to us. */
  readonly lossUp = new Distribution(SHARES)
  /** From us to subscribers, as they report it. */
  readonly lossDown = new Distribution(SHARES)
}
