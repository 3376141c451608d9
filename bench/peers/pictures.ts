/** The packets that every server under test gets: VP8 in one packet a frame, with header extensions as browsers send them. */
import { VP8 } from '../../src/load/description.js'
import type { ClientPeer } from '../../src/load/peer.js'
import type { Stamps } from '../../src/load/stamp.js'

/** Every so many packets is a keyframe, as after a request. */
const KEYFRAME_EVERY = 250
const KEYFRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00)
const INTERFRAME = Uint8Array.of(0x10, 0x11, 0x02, 0x00)
/** One-byte header extensions as Chromium sends them: mid "1" (id 1) and video orientation (id 4). */
const EXTENSIONS = Uint8Array.of(0xbe, 0xde, 0, 1, 0x10, 0x31, 0x40, 0x00)

export const PICTURE_SSRC = 0x10ad

export class Pictures {
  readonly #peer: ClientPeer
  readonly #stamps: Stamps
  readonly #payload = new Uint8Array(1_400).fill(0x5a)
  #extSeq = 1_000

  constructor(peer: ClientPeer, stamps: Stamps) {
    this.#peer = peer
    this.#stamps = stamps
  }

  send(payloadBytes: number): void {
    const extSeq = this.#extSeq++
    this.#payload.set(extSeq % KEYFRAME_EVERY === 0 ? KEYFRAME : INTERFRAME)
    this.#stamps.write(this.#payload, payloadBytes, 0, 1)
    const packet = { ssrc: PICTURE_SSRC, pt: VP8, extSeq, timestamp: (extSeq * 180) >>> 0, marker: true }
    this.#peer.sendRtp(packet, this.#payload, EXTENSIONS, payloadBytes)
  }
}
