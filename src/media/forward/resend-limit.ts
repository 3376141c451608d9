/**
 * How often one subscriber gets packets again. A receiver that loses much is helped; one that asks for
 * everything over and over costs at most as much again as its stream.
 */

/** Numbers remembered; a second of a fast stream asks for fewer. */
const SLOTS = 256
const MAX_TRIES = 8
/** Without a measured round trip. Two NACKs for one packet in one round trip are one loss. */
const DEFAULT_SPACING_MS = 20
const MAX_SPACING_MS = 100
/** Packets that may be resent before, or faster than, forwarding earns it. */
const BURST = 512

export class ResendLimit {
  readonly #extSeqs = new Float64Array(SLOTS).fill(-1)
  readonly #lastMs = new Float64Array(SLOTS)
  readonly #tries = new Uint8Array(SLOTS)
  #credit = BURST
  #packetsSeen = 0

  /**
   * Whether to send packet `extSeq` once more; if so it is counted.
   * @param extSeq the number that it was sent under
   * @param packetsSent forwarded so far: each earns one resend
   * @param rttMs to the subscriber, 0 = unknown
   */
  allow(extSeq: number, packetsSent: number, rttMs: number, nowMs: number): boolean {
    this.#credit = Math.min(BURST, this.#credit + packetsSent - this.#packetsSeen)
    this.#packetsSeen = packetsSent
    if (this.#credit < 1) return false
    const at = extSeq % SLOTS
    if (this.#extSeqs[at] !== extSeq) {
      this.#extSeqs[at] = extSeq
      this.#tries[at] = 0
    } else {
      const spacingMs = rttMs === 0 ? DEFAULT_SPACING_MS : Math.min(MAX_SPACING_MS, rttMs / 2)
      if (this.#tries[at]! >= MAX_TRIES || nowMs - this.#lastMs[at]! < spacingMs) return false
    }
    this.#lastMs[at] = nowMs
    this.#tries[at]!++
    this.#credit--
    return true
  }
}
