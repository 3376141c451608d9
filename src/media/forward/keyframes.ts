/**
 * When to ask a publisher for a keyframe. However many subscribers ask, at most two requests a second go to one
 * stream; one that comes too soon is remembered. A request is repeated until a keyframe arrives.
 */

/** Two per second: an encoder that is asked more often only lowers its quality. */
export const REQUEST_INTERVAL_MS = 500
/** After this many requests in vain… */
const PATIENCE = 10
/** …the publisher is unable or unwilling, and asked less often. */
const IMPATIENT_INTERVAL_MS = 2000

export class KeyframeRequests {
  #wanted = false
  #lastMs = Number.NEGATIVE_INFINITY
  #inVain = 0

  /** Requests since the last keyframe, or since nobody needed one. */
  get inVain(): number {
    return this.#inVain
  }

  get wanted(): boolean {
    return this.#wanted
  }

  /** Somebody needs a keyframe. */
  want(): void {
    this.#wanted = true
  }

  /** A keyframe arrived, or nobody is left who needs one. */
  satisfied(): void {
    this.#wanted = false
    this.#inVain = 0
  }

  /** When the next request may go out; Infinity when none is wanted. */
  get deadlineMs(): number {
    if (!this.#wanted) return Number.POSITIVE_INFINITY
    return this.#lastMs + (this.#inVain < PATIENCE ? REQUEST_INTERVAL_MS : IMPATIENT_INTERVAL_MS)
  }

  /** Whether to send a request now; the caller then does. */
  take(nowMs: number): boolean {
    if (nowMs < this.deadlineMs) return false
    this.#lastMs = nowMs
    this.#inVain++
    return true
  }
}
