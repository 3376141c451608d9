/** What operators are told of a stream, for whoever asks; nothing is paid for per packet. */

/** Older than this, a second is over without another one having begun. */
const STALE_MS = 2500
const SECOND_MS = 1000

/** Bytes of the last full second. */
export class LastSecond {
  #bytesBefore = 0
  #lastSecond = 0
  #atMs = Number.NEGATIVE_INFINITY

  /** About once a second, with the bytes so far. */
  tick(bytes: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs
    if (elapsedMs < SECOND_MS / 2) return
    this.#lastSecond = elapsedMs > STALE_MS ? 0 : Math.round(((bytes - this.#bytesBefore) * SECOND_MS) / elapsedMs)
    this.#bytesBefore = bytes
    this.#atMs = nowMs
  }

  /** Bytes per second at the last tick, 0 when that was long ago. */
  at(nowMs: number): number {
    return nowMs - this.#atMs > STALE_MS ? 0 : this.#lastSecond
  }
}

/**
 * Share of packets that stayed away, 0…1: of those that were lost between two reports, so many came or went again.
 * @param share lost, of all that were expected @param lost as a number; 0 or less is no loss
 */
export function unrepaired(share: number, lost: number, repaired: number): number {
  return lost <= 0 ? 0 : share * Math.max(0, 1 - repaired / lost)
}
