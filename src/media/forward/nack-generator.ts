/**
 * Which lost packets to ask a publisher for, and when (RFC 4585 §6.2.1). Holes are kept in order of their
 * numbers; each is asked for shortly after it shows, again after a round trip, and then given up.
 *
 * How long "shortly" is follows the path: where packets overtake each other they are waited for. A round trip is
 * measured by what comes back. After several tries nobody knows which one was answered (Karn), but no answer comes
 * sooner after the first one than a round trip: the shortest such time of late is a round trip, whatever was lost.
 */

/** Most holes at once. A longer gap is not repaired packet by packet: a keyframe is cheaper. */
export const MAX_HOLES = 256
/** How long a hole may be mere reordering. Bursts of one frame take a few milliseconds. */
export const REORDER_MS = 5
/** Waiting longer for packets that were overtaken costs more than asking for them. */
const MAX_REORDER_MS = 60
/** Until something came back. Asking sooner over a longer path would bring everything several times. */
const FIRST_RETRY_MS = 100
/** How much later than a round trip an answer may come, at least. */
const MARGIN_MS = 10
const MIN_RETRY_MS = 20
const MAX_RETRY_MS = 1000
/** The wait grows with every try: should the path be longer than was measured, some answer comes before the last try. */
const RETRY_GROWTH = 1.25
const MAX_TRIES = 10
/** Answers among which the soonest tells the round trip; a path that became longer is noticed after as many. */
const SAMPLES = 16
/** Receivers of live video have moved on by then; over a long path a few round trips are needed all the same. */
const MIN_AGE_MS = 1000
const MAX_AGE_MS = 3000
const AGE_RETRIES = 4

/** What `take` found. */
export interface NackResult {
  /** Numbers to ask for now. */
  asked: number
  /** Holes that will not be filled any more. */
  givenUp: number
  /** Those among them that no keyframe follows yet, so that pictures cannot go on without one. */
  needKeyframe: number
}

export const newNackResult = (): NackResult => ({ asked: 0, givenUp: 0, needKeyframe: 0 })

export class NackGenerator {
  readonly #extSeqs = new Float64Array(MAX_HOLES)
  readonly #sinceMs = new Float64Array(MAX_HOLES)
  readonly #dueMs = new Float64Array(MAX_HOLES)
  readonly #firstAskedMs = new Float64Array(MAX_HOLES)
  readonly #tries = new Uint8Array(MAX_HOLES)
  #count = 0
  #deadlineMs = Number.POSITIVE_INFINITY
  /** The last times from asking first to receiving. */
  readonly #samples = new Float64Array(SAMPLES)
  #sampleCount = 0
  /** Shortest of them, 0 = none; and by how much those that were asked for once exceed it, smoothed. */
  #rttMs = 0
  #excessMs = 0
  /** How long a hole is waited for before it is asked for. */
  #reorderMs = REORDER_MS
  #keyframeExtSeq = Number.NEGATIVE_INFINITY
  readonly #maxTries: number
  readonly #minAgeMs: number

  /**
   * @param patient the publisher is asked through another worker, which answers at once what it has, and what it lacks as soon
   *   as it gets it: that the answers are quick says nothing about how long the others take
   */
  constructor(patient = false) {
    this.#maxTries = patient ? Number.POSITIVE_INFINITY : MAX_TRIES
    this.#minAgeMs = patient ? MAX_AGE_MS : MIN_AGE_MS
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
    const dueMs = nowMs + this.#reorderMs
    for (let extSeq = fromExtSeq; extSeq < toExtSeq; extSeq++) {
      const at = this.#count++
      this.#extSeqs[at] = extSeq
      this.#sinceMs[at] = nowMs
      this.#dueMs[at] = dueMs
      this.#tries[at] = 0
    }
    this.#deadlineMs = Math.min(this.#deadlineMs, dueMs)
    return true
  }

  /**
   * A packet came behind newer ones.
   * @param overtaken it was reordered, not retransmitted (the publisher uses RTX)
   * @returns whether it filled a hole
   */
  received(extSeq: number, nowMs: number, overtaken = false): boolean {
    for (let at = 0; at < this.#count; at++) {
      if (this.#extSeqs[at] !== extSeq) continue
      if (overtaken || this.#tries[at] === 0) this.#overtaken(nowMs - this.#sinceMs[at]!)
      else this.#answered(nowMs - this.#firstAskedMs[at]!, this.#tries[at]!)
      this.#count--
      for (let to = at; to < this.#count; to++) this.#move(to + 1, to)
      if (this.#count === 0) this.#deadlineMs = Number.POSITIVE_INFINITY
      return true
    }
    return false
  }

  /** A keyframe begins at `extSeq`: pictures go on from there, and what was lost before is asked for once at most. */
  keyframe(extSeq: number): void {
    if (extSeq > this.#keyframeExtSeq) this.#keyframeExtSeq = extSeq
  }

  /** When `take` has something to do; Infinity without holes. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /**
   * Collects the numbers to ask for now, ascending.
   * @param seqs gets 16-bit numbers; at least MAX_HOLES long
   * @param result is filled
   */
  take(nowMs: number, seqs: Uint16Array, result: NackResult): void {
    result.asked = result.givenUp = result.needKeyframe = 0
    if (nowMs < this.#deadlineMs) return
    this.#deadlineMs = Number.POSITIVE_INFINITY
    const retryMs = this.#retryMs()
    const maxAgeMs = Math.min(MAX_AGE_MS, Math.max(this.#minAgeMs, retryMs * AGE_RETRIES))
    let kept = 0
    for (let at = 0; at < this.#count; at++) {
      const due = nowMs >= this.#dueMs[at]!
      const superseded = this.#extSeqs[at]! < this.#keyframeExtSeq
      const maxTries = superseded ? 1 : this.#maxTries
      if (due && (this.#tries[at]! >= maxTries || nowMs - this.#sinceMs[at]! >= maxAgeMs)) {
        result.givenUp++
        if (!superseded) result.needKeyframe++
        continue
      }
      if (due) {
        seqs[result.asked++] = this.#extSeqs[at]! % 0x10000
        if (this.#tries[at]!++ === 0) this.#firstAskedMs[at] = nowMs
        const waitMs = Math.min(MAX_RETRY_MS, retryMs * RETRY_GROWTH ** (this.#tries[at]! - 1))
        this.#dueMs[at] = Math.min(nowMs + waitMs, this.#sinceMs[at]! + maxAgeMs)
      }
      this.#deadlineMs = Math.min(this.#deadlineMs, this.#dueMs[at]!)
      this.#move(at, kept++)
    }
    this.#count = kept
  }

  /** Forgets all holes. */
  reset(): void {
    this.#count = 0
    this.#deadlineMs = Number.POSITIVE_INFINITY
  }

  #move(from: number, to: number): void {
    if (from === to) return
    this.#extSeqs[to] = this.#extSeqs[from]!
    this.#sinceMs[to] = this.#sinceMs[from]!
    this.#dueMs[to] = this.#dueMs[from]!
    this.#firstAskedMs[to] = this.#firstAskedMs[from]!
    this.#tries[to] = this.#tries[from]!
  }

  /** The wait rises at once to what would have been enough, and falls slowly. */
  #overtaken(lateMs: number): void {
    const enoughMs = Math.min(MAX_REORDER_MS, lateMs + 1)
    if (enoughMs > this.#reorderMs) this.#reorderMs = enoughMs
    else this.#relax(enoughMs)
  }

  #relax(towardsMs: number): void {
    this.#reorderMs += (Math.max(REORDER_MS, towardsMs) - this.#reorderMs) / 32
  }

  #answered(afterMs: number, tries: number): void {
    this.#relax(REORDER_MS)
    this.#samples[this.#sampleCount++ % SAMPLES] = afterMs
    this.#rttMs = afterMs
    for (let i = Math.min(SAMPLES, this.#sampleCount) - 1; i >= 0; i--) {
      if (this.#samples[i]! < this.#rttMs) this.#rttMs = this.#samples[i]!
    }
    if (tries === 1) this.#excessMs += (afterMs - this.#rttMs - this.#excessMs) / 8
  }

  #retryMs(): number {
    if (this.#rttMs === 0) return FIRST_RETRY_MS
    const retryMs = this.#rttMs + Math.max(MARGIN_MS, 2 * this.#excessMs)
    return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, retryMs))
  }
}
