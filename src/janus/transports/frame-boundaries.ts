/**
 * Where messages begin and end in what a WebSocket client sends (RFC 6455 §5.2). The library hands out whole messages;
 * of one that is not whole yet it says nothing, and that is what a hostile client leaves lying about.
 *
 * ```
 *  byte 0   FIN, three reserved bits, opcode (4 bits; 8 and above are control frames)
 *  byte 1   MASK, length (7 bits): 126 = 2 bytes follow, 127 = 8 bytes follow
 *  …        2 or 8 bytes of length, if byte 1 says so
 *  …        4 bytes of mask, if byte 1 says so
 *  …        payload
 * ```
 *
 * Nothing is checked: what breaks the protocol ends the socket elsewhere.
 */
const FIN = 0x80
const CONTROL = 0x08
const MASK = 0x80
const LENGTH = 0x7f
const LENGTH_16 = 126
const LENGTH_64 = 127

export class FrameBoundaries {
  /** Bytes of the header that were read. */
  #read = 0
  #headerBytes = 2
  #lengthBytes = 0
  #payloadBytes = 0
  /** Payload that has not come yet. */
  #missingBytes = 0
  #first = 0
  #fragments = 0

  /** Something has begun, a frame or a message, that has not ended. */
  get isInside(): boolean {
    return this.#read > 0 || this.#fragments > 0
  }

  /** Whole frames of the message that has not ended. */
  get fragments(): number {
    return this.#fragments
  }

  /** @returns whether, anywhere in these bytes, something ended and nothing else had begun */
  read(bytes: Uint8Array): boolean {
    let ended = false
    let at = 0
    while (at < bytes.length) {
      if (this.#missingBytes === 0) this.#readHeader(bytes[at++]!)
      else {
        const taken = Math.min(this.#missingBytes, bytes.length - at)
        this.#missingBytes -= taken
        at += taken
      }
      if (this.#missingBytes > 0 || this.#read < this.#headerBytes) continue
      this.#endFrame()
      if (this.#fragments === 0) ended = true
    }
    return ended
  }

  #readHeader(byte: number): void {
    const at = this.#read++
    if (at === 0) this.#first = byte
    else if (at === 1) {
      const length = byte & LENGTH
      this.#lengthBytes = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0
      this.#payloadBytes = this.#lengthBytes === 0 ? length : 0
      this.#headerBytes = 2 + this.#lengthBytes + ((byte & MASK) === 0 ? 0 : 4)
    } else if (at < 2 + this.#lengthBytes) this.#payloadBytes = this.#payloadBytes * 256 + byte
    if (this.#read === this.#headerBytes) this.#missingBytes = this.#payloadBytes
  }

  #endFrame(): void {
    this.#read = 0
    this.#headerBytes = 2
    if ((this.#first & CONTROL) !== 0) return
    this.#fragments = (this.#first & FIN) === 0 ? this.#fragments + 1 : 0
  }
}
