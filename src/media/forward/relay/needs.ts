/** What viewers on other workers can use of one m-line, as those workers said. */

import { ELSEWHERE_MS } from '../watch.js'

/** How a need without limit is said, and anything above is one. */
export const ALL_BPS = 2 ** 40
interface Need {
  bps: number
  untilMs: number
}

export class NeedsElsewhere {
  readonly #byMirror = new Map<number, Need>()

  /**
   * @param bps of the best-served viewer there; `ALL` = no limit
   * @returns whether that is more than anybody elsewhere needed so far
   */
  say(mirror: number, bps: number, nowMs: number): boolean {
    const before = this.bps(nowMs)
    this.#byMirror.set(mirror, { bps, untilMs: nowMs + ELSEWHERE_MS })
    return bps > before
  }

  /** The largest, 0 = nobody watches elsewhere. */
  bps(nowMs: number): number {
    let most = 0
    for (const [mirror, { bps, untilMs }] of this.#byMirror) {
      if (nowMs >= untilMs) this.#byMirror.delete(mirror)
      else most = Math.max(most, bps)
    }
    return most
  }
}
