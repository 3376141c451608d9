/**
 * The numbers that each forwarded packet reads and writes of each subscription, those of all subscriptions side by
 * side in one array, unboxed: ADR 9. A packet to N subscribers that comes some milliseconds after the one before, with cold
 * caches, waits for the two cache lines of a row per subscriber, and not for some twenty.
 *
 * ```
 * cells  … | next | nextSent | delta | tsOffset | newestTs | newestTsMs | packets | octets | ssrc | transport | … | …
 *            at                                                                                                   at + stride
 * ```
 */
export const Cell = {
  /** `SequenceMap`: one past the newest source number that was mapped or dropped. */
  next: 0,
  /** `SequenceMap`: one past the newest number given out. */
  nextSent: 1,
  /** `SequenceMap`: sent − source in the range that goes on; NaN when none does. */
  delta: 2,
  /** `Timestamps`: sent − source, modulo 2^32. */
  timestampOffset: 3,
  /** `Timestamps`: newest timestamp sent, and when its packet came. */
  newestTimestamp: 4,
  newestTimestampMs: 5,
  /** `Subscription`: sent on its SSRC, and payload bytes of those. */
  packets: 6,
  octets: 7,
  /** `Subscription`: where it goes. */
  ssrc: 8,
  transport: 9,
  stride: 16,
} as const

const FIRST_ROWS = 16

export class StateRows {
  /** Another array after growth: never kept across a `take`. */
  cells = new Float64Array(FIRST_ROWS * Cell.stride)
  readonly #free: number[] = []
  #end = 0

  /** @returns where a row of zeros begins in `cells` */
  take(): number {
    const at = this.#free.pop() ?? this.#append()
    this.cells.fill(0, at, at + Cell.stride)
    return at
  }

  /** Gives a row back, once: its owner must not use it any more. */
  give(at: number): void {
    this.#free.push(at)
  }

  /** Rows that are taken. */
  get taken(): number {
    return this.#end / Cell.stride - this.#free.length
  }

  #append(): number {
    const at = this.#end
    this.#end += Cell.stride
    if (this.#end > this.cells.length) {
      const grown = new Float64Array(this.cells.length * 2)
      grown.set(this.cells)
      this.cells = grown
    }
    return at
  }
}
