/**
 * What one publisher is asked for: no more than its subscribers can use. The cap is the sum over its m-lines, since a
 * browser divides what it may send among all of them. It rises at once and falls late, so that neither a subscriber
 * that negotiates again nor an estimate that trembles makes a picture worse.
 */

/** A need without limit: as much as there is. */
export const UNLIMITED_BPS = Number.POSITIVE_INFINITY
/** A need below the cap for so long lowers it. */
export const HOLD_MS = 5000
/** The same while somebody's link is too thin for what comes. */
export const THIN_HOLD_MS = 1000
/** Sound is never capped: what it sends and half of that, at least this much per m-line. */
const SOUND_BPS = 64_000
const SOUND_MARGIN = 1.5
/** Video that nobody watches: about the least that browsers send anyway, so that it can grow again. */
export const UNWATCHED_BPS = 50_000
/** Video that somebody watches, whatever is left of the path to them: a small picture that can grow. */
export const WATCHED_FLOOR_BPS = 100_000
/** Share of what a link has for the stream: pictures differ in size, and one that is nearly complete is not begun again. */
const FIT = 0.8

export class PublisherCap {
  readonly #maxBps: number
  #capBps: number
  #sumBps = 0
  #thin = false
  /** Largest need since then; a need that stays below the cap all the time becomes the cap. */
  #highestBps = 0
  #sinceMs = Number.POSITIVE_INFINITY

  /** @param maxBps the most that any publisher is asked for, bit/s */
  constructor(maxBps: number) {
    this.#maxBps = maxBps
    this.#capBps = maxBps
  }

  /** What the publisher is asked for at present, bit/s. */
  get capBps(): number {
    return this.#capBps
  }

  /** Whether it is asked for less than it may be. */
  get lowered(): boolean {
    return this.#capBps < this.#maxBps
  }

  /** Begins to sum up. */
  begin(): void {
    this.#sumBps = 0
    this.#thin = false
  }

  /** An m-line of sound. @param rateBps what it sends */
  sound(rateBps: number): void {
    this.#sumBps += Math.max(SOUND_BPS, rateBps * SOUND_MARGIN)
  }

  /** An m-line of pictures. @param needBps what the best-served subscriber can use: 0 = nobody watches, `UNLIMITED_BPS` = no limit */
  video(needBps: number): void {
    this.#sumBps += needBps > 0 ? Math.max(WATCHED_FLOOR_BPS, needBps * FIT) : UNWATCHED_BPS
    this.#thin ||= needBps > 0 && needBps < UNLIMITED_BPS
  }

  /** An m-line of several layers. @param needBps for those that somebody wants, with room; 0 and `UNLIMITED_BPS` as above */
  layers(needBps: number): void {
    this.#sumBps += Math.max(UNWATCHED_BPS, needBps)
  }

  /** All m-lines have been summed up. @returns whether the cap rose, which the publisher should hear at once */
  settle(nowMs: number): boolean {
    const needBps = Math.min(this.#maxBps, this.#sumBps)
    if (needBps >= this.#capBps) {
      const rose = needBps > this.#capBps
      this.#capBps = needBps
      this.#sinceMs = Number.POSITIVE_INFINITY
      return rose
    }
    if (this.#sinceMs === Number.POSITIVE_INFINITY) {
      this.#sinceMs = nowMs
      this.#highestBps = 0
    }
    this.#highestBps = Math.max(this.#highestBps, needBps)
    if (nowMs - this.#sinceMs < (this.#thin ? THIN_HOLD_MS : HOLD_MS)) return false
    this.#capBps = this.#highestBps
    this.#sinceMs = Number.POSITIVE_INFINITY
    return false
  }
}
