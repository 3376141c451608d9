/**
 * Which packets of a video stream begin keyframes, also where its payload is encrypted end to end and does not say so. There
 * any frame is taken for a keyframe: the receiver, who can read it, asks for another one if it was none.
 */
import type { Packet } from './packet.js'

/** After so many requests without a keyframe that can be told, the payload is taken to be encrypted. */
const MAX_REQUESTS_IN_VAIN = 5
const Payload = { unknown: 0, readable: 1, encrypted: 2 } as const

export class KeyframeDetection {
  #payload: number = Payload.unknown
  /** RTP timestamp of the frame that was taken for a keyframe last. */
  #guessedTimestamp = -1

  /** Whether keyframes cannot be told from other frames. */
  get encrypted(): boolean {
    return this.#payload === Payload.encrypted
  }

  /** A packet came; if it has to be guessed, `packet.keyframe` is set. */
  take(packet: Packet): void {
    if (packet.keyframe) this.#payload = Payload.readable
    else if (this.#payload === Payload.encrypted) this.#guess(packet)
  }

  #guess(packet: Packet): void {
    const { timestamp } = packet.view
    packet.keyframe = timestamp !== this.#guessedTimestamp
    this.#guessedTimestamp = timestamp
  }

  /** A keyframe was asked for. @param inVain how often since the last one */
  asked(inVain: number): void {
    if (this.#payload === Payload.unknown && inVain > MAX_REQUESTS_IN_VAIN) this.#payload = Payload.encrypted
  }

  /** Another stream goes on here. */
  reset(): void {
    this.#payload = Payload.unknown
  }
}
