/**
 * Paths that reorder. Chunks that overtake another make it look lost (RFC 9260 §7.2.4); that it was not shows later, and then two
 * things are mended: the congestion window gets back what it lost (as RFC 4015 and RFC 3708 do for TCP), and from then on a chunk
 * has to be late by a window of time, too, before it counts as lost (RFC 8985 §6.2, RACK).
 *
 * That a chunk had not been lost is known when
 * - it is acknowledged before it was sent again, or sooner after that than any answer takes, or
 * - the peer reports that it came twice, the second being the copy.
 */

/** RFC 8985 §6.2 step 4: the window grows by a quarter of the least round trip. */
const WINDOW_STEP = 0.25
/** Answers that come within this share of the least round trip are to the copy before: clocks tick coarsely. */
const TOO_SOON = 0.5
/** RFC 8985 §6.2 step 4: losses that were losses before the window is forgotten. */
const PERSISTENCE = 16
/** The window is a whole round trip then. */
const MAX_STEPS = 4
/** Cuts that may be taken back until the window is forgotten: a peer that lies about losses escapes a few of them only. */
const MAX_UNDONE = 4
/** Chunks that were sent again or given up, and are remembered. */
const MAX_SETTLED = 256
/** RFC 8985 §6.2 asks for the least round trip of late: of this long, and of as long before. */
const LEAST_RTT_WINDOW_MS = 10_000

export class Reordering {
  /** In quarters of the least round trip; 0 while the path keeps the order. */
  #steps = 0
  #lossesLeft = 0
  /**
   * Chunks that counted as lost and were sent again or given up, oldest first, with the cut of the window before that: 0 once it
   * is known that they had not been lost.
   */
  readonly #settled = new Map<number, number>()
  /** Cuts of the window so far. */
  #cuts = 0
  /** Cuts until it is forgotten that the path doubles packets: one that comes twice then says nothing. */
  #doublesLeft = 0
  /** How many chunks counted as lost since then, and have not turned out not to be. */
  #unproven = 0
  /** Cuts that were taken back, or may yet be, since the window was last forgotten. */
  #undone = 0
  /** Whether a part or all of the last cut was no loss. */
  #isSpurious = false
  /** Whether it may be taken back. */
  #mayUndo = false
  /** Whether it was for chunks that were overtaken. */
  #isForOrder = false
  /** When the newest chunk that has arrived was sent, and how long its acknowledgement took. */
  #newestSentAtMs = Number.NEGATIVE_INFINITY
  #newestRttMs = 0
  #leastRttMs = Number.POSITIVE_INFINITY
  #leastRttBeforeMs = Number.POSITIVE_INFINITY
  #leastRttSinceMs = Number.NEGATIVE_INFINITY

  /** A chunk that was sent once is acknowledged. */
  arrived(nowMs: number, sentAtMs: number): void {
    const rttMs = nowMs - sentAtMs
    if (nowMs - this.#leastRttSinceMs >= LEAST_RTT_WINDOW_MS) {
      this.#leastRttSinceMs = nowMs
      this.#leastRttBeforeMs = this.#leastRttMs
      this.#leastRttMs = rttMs
    } else if (rttMs < this.#leastRttMs) this.#leastRttMs = rttMs
    if (sentAtMs < this.#newestSentAtMs) return
    this.#newestSentAtMs = sentAtMs
    this.#newestRttMs = rttMs
  }

  /** From when on a chunk that was overtaken by others counts as lost. @param smoothedRttMs the window is no longer */
  lostAtMs(sentAtMs: number, smoothedRttMs: number): number {
    if (this.#steps === 0) return sentAtMs
    const windowMs = Math.min(this.#steps * WINDOW_STEP * this.#minRttMs, smoothedRttMs)
    return sentAtMs + this.#newestRttMs + windowMs
  }

  get #minRttMs(): number {
    return Math.min(this.#leastRttMs, this.#leastRttBeforeMs)
  }

  /**
   * The congestion window is about to be cut.
   * @param overtaken because of chunks that were overtaken; otherwise because of a timeout, which says nothing about order
   */
  begin(overtaken: boolean): void {
    this.#cuts++
    this.#unproven = 0
    this.#isSpurious = false
    this.#isForOrder = overtaken
    if (this.#doublesLeft > 0) this.#doublesLeft--
    if (this.#lossesLeft === 0 || --this.#lossesLeft > 0) return
    this.#steps = 0
    this.#undone = 0
  }

  /** A chunk counts as lost. */
  lost(): void {
    this.#unproven++
  }

  /** One that did is sent again, or given up. */
  settled(tsn: number): void {
    this.#settled.delete(tsn)
    this.#settled.set(tsn, this.#cuts)
    if (this.#settled.size <= MAX_SETTLED) return
    for (const oldest of this.#settled.keys()) {
      this.#settled.delete(oldest)
      return
    }
  }

  /** Nothing is on its way any more. */
  forget(): void {
    this.#settled.clear()
  }

  /** A chunk that counted as lost is acknowledged, and was not sent again. @returns as `reportedTwice` */
  arrivedAfterAll(tsn: number): boolean {
    if (this.#settled.has(tsn)) this.#settled.set(tsn, 0)
    return this.#spurious()
  }

  /** A chunk that was sent again is acknowledged. @returns as `reportedTwice` */
  copyAcknowledged(tsn: number, nowMs: number, sentAtMs: number): boolean {
    return this.isTooSoon(nowMs - sentAtMs) && this.#needNot(tsn)
  }

  /** Whether an answer that comes after `delayMs` is to something else. */
  isTooSoon(delayMs: number): boolean {
    return this.#minRttMs !== Number.POSITIVE_INFINITY && delayMs < this.#minRttMs * TOO_SOON
  }

  /**
   * The peer got a chunk twice, or after it had been told to go on without it (RFC 3758 §3.6). Any other that was sent once was
   * doubled by the path, as may then be copies of what was lost.
   * @returns whether with it everything that the window was last cut for has turned out to be no loss
   */
  reportedTwice(tsn: number): boolean {
    if (!this.#settled.has(tsn)) this.#doublesLeft = PERSISTENCE
    return this.#doublesLeft === 0 && this.#needNot(tsn)
  }

  #needNot(tsn: number): boolean {
    if (this.#settled.get(tsn) !== this.#cuts) return false
    this.#settled.set(tsn, 0)
    return this.#spurious()
  }

  #spurious(): boolean {
    if (!this.#isSpurious) {
      this.#isSpurious = true
      // What is known of the path does not depend on what may be taken back.
      if (this.#isForOrder && this.#steps < MAX_STEPS) this.#steps++
      this.#mayUndo = this.#undone < MAX_UNDONE
      if (this.#mayUndo) this.#undone++
    }
    if (!this.#mayUndo) return false
    this.#lossesLeft = PERSISTENCE
    if (this.#unproven === 0) return false
    return --this.#unproven === 0
  }
}
