import { type BackoffSettings, backoffMs, defaultBackoff } from './backoff.js'

/**
 * Where a room stands:
 * - `connecting`: the first attempt;
 * - `joined`: in the room;
 * - `reconnecting`: was in the room (or keeps trying to get in) and will be again without anybody doing anything;
 * - `failed`: over, and trying again would not help;
 * - `closed`: over, because we left or the server said a normal goodbye.
 */
export type RoomState = 'connecting' | 'joined' | 'reconnecting' | 'failed' | 'closed'

/** What made a connection end: worth trying again, not worth it, or meant to end (close code 1000). */
export type Ending = 'lost' | 'refused' | 'goodbye'

/** A connection that lasted this long was a good one: the next loss starts again with the shortest delay. */
const GOOD_AFTER_MS = 10_000

/** Decides when to try again. Pure: the room owns the sockets, the timer and the clock. */
export class Lifecycle {
  #state: RoomState = 'connecting'
  #failures = 0
  #joinedAtMs = 0
  readonly #keepTrying: boolean
  readonly #backoff: BackoffSettings

  /** @param keepTrying whether a failed first attempt is repeated too */
  constructor(keepTrying: boolean, backoff: BackoffSettings = defaultBackoff) {
    this.#keepTrying = keepTrying
    this.#backoff = backoff
  }

  get state(): RoomState {
    return this.#state
  }

  get over(): boolean {
    return this.#state === 'failed' || this.#state === 'closed'
  }

  joined(nowMs: number): void {
    if (this.over) return
    this.#state = 'joined'
    this.#joinedAtMs = nowMs
  }

  /**
   * A connection or an attempt ended.
   * @param random 0 ≤ random < 1, for the jitter
   * @returns ms to wait before the next attempt; undefined if there will be none
   */
  ended(ending: Ending, nowMs: number, random: number): number | undefined {
    if (this.over) return undefined
    if (ending === 'goodbye') {
      this.#state = 'closed'
      return undefined
    }
    if (ending === 'refused' || (this.#state === 'connecting' && !this.#keepTrying)) {
      this.#state = 'failed'
      return undefined
    }
    if (this.#state === 'joined' && nowMs - this.#joinedAtMs >= GOOD_AFTER_MS) this.#failures = 0
    this.#state = 'reconnecting'
    this.#failures++
    return backoffMs(this.#failures, random, this.#backoff)
  }

  left(): void {
    if (!this.over) this.#state = 'closed'
  }
}
