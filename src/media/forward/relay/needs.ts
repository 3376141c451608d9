/** What viewers on other workers can use of one m-line, as those workers said. */
import { UNLIMITED_BPS } from '../congestion/publisher-cap.js'
import { ELSEWHERE_MS } from '../watch.js'

/** Encodes 'no limit' in a REMB; any value at or above means that. */
const WIRE_UNLIMITED_BPS = 2 ** 40

/** What a REMB to the publisher's worker says. @param bps what is needed, `UNLIMITED_BPS` = no limit */
export const needToWire = (bps: number): number => Math.min(WIRE_UNLIMITED_BPS, bps)

/** The need that such a REMB tells, in bit/s. */
export const needFromWire = (bps: number): number => (bps >= WIRE_UNLIMITED_BPS ? UNLIMITED_BPS : bps)

interface Need {
  bps: number
  untilMs: number
}

export class NeedsElsewhere {
  readonly #byMirror = new Map<number, Need>()

  /**
   * @param bps of the best-served viewer there; `UNLIMITED_BPS` = no limit
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
