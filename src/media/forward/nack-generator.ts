/**
 * Which lost packets to ask a publisher for, and when (RFC 4585 §6.2.1). Holes are kept in order of their
 * numbers; each is asked for shortly after it shows, again after a round trip, and then given up.
 */

/** Most holes at once. A longer gap is not repaired packet by packet: a keyframe is cheaper. */
export const MAX_HOLES = 256
/** How long a hole may be mere reordering. Bursts of one frame take a few milliseconds. */
export const REORDER_MS = 5
const MIN_RETRY_MS = 40
const MAX_RETRY_MS = 250
const MAX_TRIES = 8
/** Receivers of live video have moved on by then. */
const MAX_AGE_MS = 1000

export class NackGenerator {
  readonly #extSeqs = new Float64Array(MAX_HOLES)
  readonly #sinceMs = new Float64Array(MAX_HOLES)
  readonly #dueMs = new Float64Array(MAX_HOLES)
  readonly #askedMs = new Float64Array(MAX_HOLES)
  readonly #tries = new Uint8Array(MAX_HOLES)
  #count = 0
  #nextMs = Number.POSITIVE_INFINITY
  /** Smoothed time from asking to receiving; 0 = not measured yet. */
  #rttMs = 0

  /** Holes that are being asked for. */
  get count(): number {
    return this.#count
  }

  /** Round trip to the publisher as retransmissions show it, 0 if none came yet. */
  get rttMs(): number {
    return this.#rttMs
  }

  /**
   * Numbers `fromExtSeq … toExtSeq` (not itself) are missing.
   * @returns false when they are too many to ask for: all holes are then forgotten and a keyframe is needed
   */
  missing(fromExtSeq: number, toExtSeq: number, nowMs: number): boolean {
    if (this.#count + toExtSeq - fromExtSeq > MAX_HOLES) {
      this.reset()
      return false
    }
    for (let extSeq = fromExtSeq; extSeq < toExtSeq; extSeq++) {
      const at = this.#count++
      this.#extSeqs[at] = extSeq
      this.#sinceMs[at] = nowMs
      this.#dueMs[at] = nowMs + REORDER_MS
      this.#tries[at] = 0
    }
    this.#nextMs = Math.min(this.#nextMs, nowMs + REORDER_MS)
    return true
  }

  /** A late packet came. @returns whether it filled a hole */
  received(extSeq: number, nowMs: number): boolean {
    for (let at = 0; at < this.#count; at++) {
      if (this.#extSeqs[at] !== extSeq) continue
      // After several tries nobody knows which one was answered (Karn).
      if (this.#tries[at] === 1) this.#measure(nowMs - this.#askedMs[at]!)
      this.#count--
      for (let to = at; to < this.#count; to++) this.#move(to + 1, to)
      if (this.#count === 0) this.#nextMs = Number.POSITIVE_INFINITY
      return true
    }
    return false
  }

  /** When `take` has something to do; Infinity without holes. */
  deadline(): number {
    return this.#nextMs
  }

  /**
   * Collects the numbers to ask for now, ascending.
   * @param seqs gets 16-bit numbers; at least MAX_HOLES long
   * @returns how many, as `asked`, and how many holes were given up
   */
  take(nowMs: number, seqs: Uint16Array, result: { asked: number; givenUp: number }): void {
    result.asked = 0
    result.givenUp = 0
    if (nowMs < this.#nextMs) return
    this.#nextMs = Number.POSITIVE_INFINITY
    let kept = 0
    for (let at = 0; at < this.#count; at++) {
      const due = nowMs >= this.#dueMs[at]!
      if (due && (this.#tries[at]! >= MAX_TRIES || nowMs - this.#sinceMs[at]! >= MAX_AGE_MS)) {
        result.givenUp++
        continue
      }
      if (due) {
        seqs[result.asked++] = this.#extSeqs[at]! % 0x10000
        this.#tries[at]!++
        this.#askedMs[at] = nowMs
        this.#dueMs[at] = nowMs + this.#retryMs()
      }
      this.#nextMs = Math.min(this.#nextMs, this.#dueMs[at]!)
      this.#move(at, kept++)
    }
    this.#count = kept
  }

  /** Forgets all holes. */
  reset(): void {
    this.#count = 0
    this.#nextMs = Number.POSITIVE_INFINITY
  }

  #move(from: number, to: number): void {
    this.#extSeqs[to] = this.#extSeqs[from]!
    this.#sinceMs[to] = this.#sinceMs[from]!
    this.#dueMs[to] = this.#dueMs[from]!
    this.#askedMs[to] = this.#askedMs[from]!
    this.#tries[to] = this.#tries[from]!
  }

  #measure(sampleMs: number): void {
    this.#rttMs = this.#rttMs === 0 ? sampleMs : this.#rttMs + (sampleMs - this.#rttMs) / 8
  }

  #retryMs(): number {
    return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, this.#rttMs * 1.25))
  }
}
