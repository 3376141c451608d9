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

export class Reordering {
  /** In quarters of the least round trip; 0 while the path keeps the order. */
  #steps = 0
  #lossesLeft = 0
  /** Chunks sent again since the last time that the window was cut, of which it is not known that they need not have been. */
  readonly #resent = new Set<number>()
  /** How many chunks counted as lost since then, and have not turned out not to be. */
  #unproven = 0
  /** Losses since the window grew last: once per round of losses is enough. */
  #grewInEpisode = false
  /** When the newest chunk that has arrived was sent, and how long its acknowledgement took. */
  #newestSentAtMs = Number.NEGATIVE_INFINITY
  #newestRttMs = 0
  #leastRttMs = Number.POSITIVE_INFINITY

  /** A chunk that was sent once is acknowledged. */
  arrived(nowMs: number, sentAtMs: number): void {
    const rttMs = nowMs - sentAtMs
    if (rttMs < this.#leastRttMs) this.#leastRttMs = rttMs
    if (sentAtMs < this.#newestSentAtMs) return
    this.#newestSentAtMs = sentAtMs
    this.#newestRttMs = rttMs
  }

  /** From when on a chunk that was overtaken by others counts as lost. @param smoothedRttMs the window is no longer */
  lostAtMs(sentAtMs: number, smoothedRttMs: number): number {
    if (this.#steps === 0) return sentAtMs
    const windowMs = Math.min(this.#steps * WINDOW_STEP * this.#leastRttMs, smoothedRttMs)
    return sentAtMs + this.#newestRttMs + windowMs
  }

  /** The congestion window is about to be cut for losses. */
  begin(): void {
    this.#resent.clear()
    this.#unproven = 0
    this.#grewInEpisode = false
    if (this.#lossesLeft > 0 && --this.#lossesLeft === 0) this.#steps = 0
  }

  /** A chunk counts as lost. */
  lost(): void {
    this.#unproven++
  }

  /** One that did is sent again. */
  resent(tsn: number): void {
    this.#resent.add(tsn)
  }

  /** A chunk that counted as lost is acknowledged before it was sent again. @returns as `provesSpurious` */
  arrivedAfterAll(): boolean {
    return this.#spurious()
  }

  /** A chunk that was sent again is acknowledged. @returns as `provesSpurious` */
  copyAcknowledged(tsn: number, nowMs: number, sentAtMs: number): boolean {
    const isTooSoon = this.#leastRttMs !== Number.POSITIVE_INFINITY && nowMs - sentAtMs < this.#leastRttMs * TOO_SOON
    if (!isTooSoon) return false
    return this.provesSpurious(tsn)
  }

  /**
   * The peer had the chunk before its copy came.
   * @returns whether with it everything that the window was last cut for has turned out to be no loss
   */
  provesSpurious(tsn: number): boolean {
    return this.#resent.delete(tsn) && this.#spurious()
  }

  #spurious(): boolean {
    if (!this.#grewInEpisode) this.#steps++
    this.#grewInEpisode = true
    this.#lossesLeft = PERSISTENCE
    if (this.#unproven === 0) return false
    return --this.#unproven === 0
  }
}
