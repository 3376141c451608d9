/**
 * From the sequence numbers of a received stream to those of one sent stream, and back.
 *
 * Source numbers come unwrapped (`extSeq`, growing without bound), sent numbers are `ROC << 16 | seq`.
 * The map is a short list of ranges, newest last; inside a range, sent = source + delta. A dropped packet ends
 * a range and lowers the next delta by one, so the receiver sees no gap. What lies between two ranges was
 * never sent and never will be: no two source numbers share a sent number.
 *
 * ```
 * source   10 11 12 (13 dropped) 14 15   … paused …   40 41
 * sent      5  6  7               8  9                10 11
 * ranges   [10, 13) −5           [14, 16) −6          [40, … −30
 * ```
 */

import { Cell, StateRows } from './state-rows.js'

/** Ranges kept: enough for a second of probing with a burst of padding after every frame. */
const RANGES = 32
/** What is noted about each range, beside its numbers. */
export const Note = {
  /** `Encoding.id` that its packets came from. */
  encoding: 0,
  /** Sent − source timestamp, modulo 2^32. */
  timestampOffset: 1,
  /** Decode target that was sent; `WHOLE` = all packets. */
  layer: 2,
  /** Sent − source numbers of pictures, each modulo its width; see `PictureDeltas`. */
  pictureDelta: 3,
  tl0Delta: 4,
  keyIdxDelta: 5,
  stride: 6,
} as const

/** Largest `ROC << 16 | seq` that a row of targets can say. Sending on past it would repeat SRTP nonces. */
export const MAX_SENT = 0xffff_ffff

export class SequenceMap {
  readonly #rows: StateRows
  readonly #at: number
  /** Source number of the first packet of each range; range i is at i % RANGES. */
  readonly #first = new Float64Array(RANGES)
  /** One past the last source number; for the newest range while it is open, the next one in order. */
  readonly #end = new Float64Array(RANGES)
  readonly #delta = new Float64Array(RANGES)
  /** What is noted about the ranges, and about those to come. */
  readonly #rangeNotes = new Int32Array(RANGES * Note.stride)
  readonly #notes = new Int32Array(Note.stride)
  /** The range that `reverse`, or `map` out of order, found last. */
  #found = 0
  /** Ranges ever opened, how many of those are forgotten, and how many are of earlier sources. */
  #opened = 0
  #forgotten = 0
  #before = 0

  /**
   * @param firstSent number of the first packet; below 2^15, so that a receiver sees it with ROC 0 for sure
   * @param at the row of `rows` whose `next`, `nextSent` and `delta` are this map's
   */
  constructor(firstSent: number, rows = new StateRows(), at = rows.take()) {
    this.#rows = rows
    this.#at = at
    const { cells } = rows
    cells[at + Cell.next] = Number.NEGATIVE_INFINITY
    cells[at + Cell.nextSent] = firstSent
    cells[at + Cell.delta] = Number.NaN
  }

  /** Newest number given out, or the first minus one. */
  get newestSent(): number {
    return this.#rows.cells[this.#at + Cell.nextSent]! - 1
  }

  /** Newest source number that was mapped or dropped. */
  get newestSource(): number {
    return this.#next - 1
  }

  /** Whether `extSeq` is newer than all that was mapped or dropped. */
  inOrder(extSeq: number): boolean {
    return extSeq >= this.#next
  }

  /**
   * The number under which `extSeq` is sent; asking again gives the same.
   * @returns −1 if it must not be sent: dropped, in no range that is remembered, or all numbers are used up
   */
  map(extSeq: number): number {
    const { cells } = this.#rows
    const at = this.#at
    if (extSeq < cells[at + Cell.next]!) return this.#late(extSeq)
    const delta = cells[at + Cell.delta]!
    const isOpen = !Number.isNaN(delta)
    const sent = isOpen ? extSeq + delta : cells[at + Cell.nextSent]!
    if (sent > MAX_SENT) return -1
    if (!isOpen) this.#begin(extSeq)
    cells[at + Cell.next] = extSeq + 1
    cells[at + Cell.nextSent] = sent + 1
    return sent
  }

  /**
   * Leaves `extSeq` out without a gap. Numbers missing before it keep their places: they may still come.
   * Does nothing out of order, since its place is already part of a gap, and nothing between ranges.
   */
  drop(extSeq: number): void {
    if (this.#open && extSeq >= this.#next) this.#cut(extSeq, extSeq + 1)
  }

  /**
   * Begins another range at `extSeq`, the next packet in order, with the numbers of the present one, so that something else
   * can be noted about it. Does nothing out of order.
   */
  split(extSeq: number): void {
    if (this.#open && extSeq >= this.#next) this.#cut(extSeq, extSeq)
  }

  /** The newest range ends before `extSeq`, or never was if it began there; another one begins at `next`. */
  #cut(extSeq: number, next: number): void {
    const newest = (this.#opened - 1) % RANGES
    const { cells } = this.#rows
    cells[this.#at + Cell.nextSent]! += extSeq - this.#next
    cells[this.#at + Cell.next] = next
    if (this.#first[newest] === extSeq) this.#opened--
    else this.#end[newest] = extSeq
    this.#begin(next)
  }

  /** Ends the newest range: the next packet in order gets the next number, whatever is skipped in between. */
  resync(): void {
    if (!this.#open) return
    this.#close()
    this.#end[(this.#opened - 1) % RANGES] = this.#next
  }

  /** Like `resync`, and earlier packets are neither mapped nor found any more. */
  forget(): void {
    this.#close()
    this.#forgotten = this.#before = this.#opened
  }

  /**
   * Like `resync`, for another source, whose numbers have nothing to do with those so far: earlier packets are not mapped
   * any more, but what was sent is still found.
   */
  restart(): void {
    this.resync()
    this.#before = this.#opened
    this.#rows.cells[this.#at + Cell.next] = Number.NEGATIVE_INFINITY
  }

  /** Notes something about the range that goes on, if one does, and those to come. */
  note(note: number, value: number): void {
    this.#notes[note] = value
    if (this.#open) this.#rangeNotes[((this.#opened - 1) % RANGES) * Note.stride + note] = value
  }

  /** What was noted about the range that `reverse`, or `map` out of order, found last; as int32. */
  noted(note: number): number {
    return this.#rangeNotes[this.#found * Note.stride + note]!
  }

  /** The source number that `sent` stands for, or −1 if none does, or none that is remembered. */
  reverse(sent: number): number {
    for (let i = this.#opened - 1; i >= this.#oldest(); i--) {
      const extSeq = sent - this.#delta[i % RANGES]!
      if (extSeq < this.#first[i % RANGES]! || extSeq >= this.#endOf(i)) continue
      this.#found = i % RANGES
      return extSeq
    }
    return -1
  }

  #late(extSeq: number): number {
    const oldest = Math.max(this.#before, this.#oldest())
    for (let i = this.#opened - 1; i >= oldest; i--) {
      if (extSeq < this.#first[i % RANGES]!) continue
      this.#found = i % RANGES
      return extSeq < this.#endOf(i) ? extSeq + this.#delta[i % RANGES]! : -1
    }
    return -1
  }

  #begin(extSeq: number): void {
    const range = this.#opened++ % RANGES
    const { cells } = this.#rows
    const delta = cells[this.#at + Cell.nextSent]! - extSeq
    this.#first[range] = extSeq
    this.#delta[range] = delta
    this.#rangeNotes.set(this.#notes, range * Note.stride)
    cells[this.#at + Cell.delta] = delta
  }

  get #next(): number {
    return this.#rows.cells[this.#at + Cell.next]!
  }

  /** Whether the newest range goes on; if not, the next packet in order opens one. */
  get #open(): boolean {
    return !Number.isNaN(this.#rows.cells[this.#at + Cell.delta]!)
  }

  #close(): void {
    this.#rows.cells[this.#at + Cell.delta] = Number.NaN
  }

  #oldest(): number {
    return Math.max(this.#forgotten, this.#opened - RANGES)
  }

  #endOf(range: number): number {
    return this.#open && range === this.#opened - 1 ? this.#next : this.#end[range % RANGES]!
  }
}
