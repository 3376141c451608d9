/** Bytes of the last full second, for whoever asks; nothing is paid for per packet. */

/** Older than this, a second is over without another one having begun. */
const STALE_MS = 2500
const SECOND_MS = 1000

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
