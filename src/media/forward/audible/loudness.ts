/**
 * How loud somebody is, smoothed, out of the levels that packets carry (RFC 6464). Loudness counts from 0 (silence) to
 * 127 (the loudest there is), in dB. It rises within two or three packets of 20 ms and falls within half a second, so
 * that the pauses of speech do not count as its end.
 */

/** Silence in the words of RFC 6464, −dBov. */
export const SILENT_LEVEL = 127
/** Louder than this (−55 dBov) is taken for speech. */
export const SPEECH_LOUDNESS = SILENT_LEVEL - 55
/** What the sender itself does not take for a voice counts for so much less: keyboards are loud. */
const NO_VOICE_DB = 15
const RISE_MS = 40
const FALL_MS = 500
/** Packets come at least so often while somebody is heard; then nothing comes (DTX) and that is silence. */
const PACKET_GAP_MS = 120

export class Loudness {
  #smoothed = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /**
   * One packet.
   * @param level −dBov, 0 (loudest) … 127
   * @param voice what the sender takes it for
   */
  add(nowMs: number, level: number, voice: boolean): void {
    const before = this.at(nowMs)
    const loudness = Math.max(0, SILENT_LEVEL - level - (voice ? 0 : NO_VOICE_DB))
    const elapsedMs = Math.min(PACKET_GAP_MS, Math.max(1, nowMs - this.#lastMs))
    const towards = 1 - Math.exp(-elapsedMs / (loudness > before ? RISE_MS : FALL_MS))
    this.#smoothed = before + (loudness - before) * towards
    this.#lastMs = nowMs
  }

  /** 0 … 127. */
  at(nowMs: number): number {
    const silentMs = nowMs - this.#lastMs - PACKET_GAP_MS
    return silentMs > 0 ? this.#smoothed * Math.exp(-silentMs / FALL_MS) : this.#smoothed
  }
}
