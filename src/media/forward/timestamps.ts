/**
 * RTP timestamps of one sent stream (RFC 3550 §5.1): source timestamp plus an offset that changes only when the
 * source does. Across such a change the sent timestamp advances by what the sender reports of both sources say, else by
 * the wall time that passed, so that playout and A/V sync go on.
 */
import { timestampDelta, timestampNewer } from '../rtp/sequence.js'
import { Cell, StateRows } from './state-rows.js'

/** Sender reports that are further off the wall time than this are not believed. */
const MAX_DISAGREEMENT_S = 1

/** When a packet came, and what its header says. */
export interface Timed {
  readonly view: { readonly timestamp: number }
  readonly nowMs: number
}

export class Timestamps {
  readonly #rows: StateRows
  readonly #at: number
  #rebase = false
  /** The offset that sender reports say for the new source; NaN = none. */
  #reported = Number.NaN
  #clockRate: number

  /**
   * @param firstOffset random, 0…2^32−1
   * @param clockRate in Hz
   * @param at the row of `rows` whose timestamp cells are these
   */
  constructor(firstOffset: number, clockRate: number, rows = new StateRows(), at = rows.take()) {
    this.#rows = rows
    this.#at = at
    this.#clockRate = clockRate
    rows.cells[at + Cell.timestampOffset] = firstOffset
    rows.cells[at + Cell.newestTimestampMs] = Number.NEGATIVE_INFINITY
  }

  /**
   * Sets the timestamp to send for a packet, both 0…2^32−1. The first call after `rebase` fixes the new offset.
   * Read and written where they are, which leaves them unboxed (ADR 9).
   */
  map({ view: { timestamp }, nowMs }: Timed, sentAs: { timestamp: number }): void {
    const { cells } = this.#rows
    const at = this.#at
    const newest = cells[at + Cell.newestTimestamp]!
    const newestMs = cells[at + Cell.newestTimestampMs]!
    if (this.#rebase) {
      this.#rebase = false
      const ticks = Math.round(((nowMs - newestMs) * this.#clockRate) / 1000)
      // At least one tick: two frames with one timestamp would be taken for one frame.
      cells[at + Cell.timestampOffset] =
        (newest + Math.max(1, this.#reportedTicks(timestamp, newest, ticks)) - timestamp) >>> 0
    }
    const sent = (timestamp + cells[at + Cell.timestampOffset]!) >>> 0
    if (newestMs < 0 || timestampNewer(sent, newest)) {
      cells[at + Cell.newestTimestamp] = sent
      cells[at + Cell.newestTimestampMs] = nowMs
    }
    sentAs.timestamp = sent
  }

  /** From the newest timestamp to this one, as sender reports say, if they are near to the wall time that passed. */
  #reportedTicks(timestamp: number, newest: number, passedTicks: number): number {
    if (Number.isNaN(this.#reported)) return passedTicks
    const ticks = timestampDelta((timestamp + this.#reported) >>> 0, newest)
    return Math.abs(ticks - passedTicks) > MAX_DISAGREEMENT_S * this.#clockRate ? passedTicks : ticks
  }

  /** What is added to timestamps of the present source, modulo 2^32. */
  get offset(): number {
    return this.#rows.cells[this.#at + Cell.timestampOffset]!
  }

  /** The timestamp that a packet of the present source was, or a sender report would be, sent with. */
  peek(timestamp: number): number {
    return (timestamp + this.#rows.cells[this.#at + Cell.timestampOffset]!) >>> 0
  }

  /** Whether the next timestamp fixes a new offset. */
  get rebasing(): boolean {
    return this.#rebase
  }

  /**
   * The next timestamp comes from another source. Before the first packet any offset is good.
   * @param shift what to add to a timestamp of that source for the one of the present source at the same moment, as their
   *   sender reports say; NaN = not known
   */
  rebase(clockRate: number, shift = Number.NaN): void {
    const begun = this.#rows.cells[this.#at + Cell.newestTimestampMs]! >= 0
    // The present source may itself not have begun: then nothing leads from it to the next one.
    this.#reported = begun && !this.#rebase ? this.offset + shift : Number.NaN
    this.#rebase = begun
    this.#clockRate = clockRate
  }
}
