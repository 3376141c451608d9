/** Whether RTP of one m-line comes, and when its peer is told that it does or does not. */
import type { MediaSettings } from '../control.js'

/** No RTP for so long is silence: reports pause, and another SSRC of an encoding may take over. */
export const SILENCE_MS = 1000

export class Activity {
  readonly #settings: MediaSettings
  readonly #tell: (receiving: boolean, silentMs?: number) => void
  #lastMs = Number.NEGATIVE_INFINITY
  #receiving = false
  /** What the peer was told: it receives as long as `MediaSettings.noMediaMs` allows, so never less than `#receiving`. */
  #told = false

  /** @param settings of the router, which may change @param tell tells the peer; `silentMs` since RTP came last */
  constructor(settings: MediaSettings, tell: (receiving: boolean, silentMs?: number) => void) {
    this.#settings = settings
    this.#tell = tell
  }

  /** Whether RTP came within the last second. */
  get receiving(): boolean {
    return this.#receiving
  }

  /** RTP came. @returns whether it is the first after silence */
  heard(nowMs: number): boolean {
    this.#lastMs = nowMs
    if (this.#receiving) return false
    this.#receiving = true
    if (!this.#told) this.#tell(true)
    this.#told = true
    return true
  }

  /** Notices silence. @returns when to call again, if nothing comes; Infinity = never */
  expire(nowMs: number): number {
    const silentMs = nowMs - this.#lastMs
    const { noMediaMs } = this.#settings
    if (this.#receiving && silentMs >= SILENCE_MS) this.#receiving = false
    if (this.#receiving) return this.#lastMs + SILENCE_MS
    if (!this.#told || noMediaMs === 0) return Number.POSITIVE_INFINITY
    if (silentMs < noMediaMs) return this.#lastMs + noMediaMs
    this.#told = false
    this.#tell(false, silentMs)
    return Number.POSITIVE_INFINITY
  }

  /** The m-line ended. @param tell whether its peer hears of it */
  end(tell: boolean): void {
    if (this.#told && tell) this.#tell(false)
    this.#receiving = this.#told = false
  }
}
