/**
 * Writes a header-extension block (RFC 8285): the one-byte form, or the two-byte form from the first element
 * that needs it (an id above 14, a length above 16, or an empty one). One writer serves any number of blocks.
 *
 * ```ts
 * writer.begin(scratch, at)
 * writer.copy(3, rx, dataOffset, length)
 * writeTransportSeq(scratch, writer.element(5, 2), seq)
 * const extLength = writer.end()                             // 0 when nothing was written
 * ```
 */
import { requireRoom, writeU16 } from '../big-endian.js'
import { ONE_BYTE_PROFILE, TWO_BYTE_PROFILE } from './elements.js'

export class ExtensionWriter {
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #at = 0
  #twoByte = false

  /** Begins a block at `offset`; whatever was begun before is forgotten. */
  begin(bytes: Uint8Array, offset: number): void {
    this.#bytes = bytes
    this.#start = offset
    this.#at = offset + 4
    this.#twoByte = false
  }

  /**
   * Makes room for an element, whose data the caller writes before the next call.
   * @param id 1–255
   * @param length 0–255
   * @returns absolute offset of its data
   * @throws RangeError when the id or the length is none, or the block would not fit
   */
  element(id: number, length: number): number {
    if (id < 1 || id > 255 || length < 0 || length > 255) throw new RangeError(`element ${id} of ${length} bytes`)
    if (!this.#twoByte && (id > 14 || length > 16 || length === 0)) this.#widen()
    const headBytes = this.#twoByte ? 2 : 1
    // 3 more: what `end` may need to fill up the last word.
    requireRoom(this.#bytes, this.#at, headBytes + length + 3)
    if (this.#twoByte) {
      this.#bytes[this.#at] = id
      this.#bytes[this.#at + 1] = length
    } else {
      this.#bytes[this.#at] = (id << 4) | (length - 1)
    }
    const dataOffset = this.#at + headBytes
    this.#at = dataOffset + length
    return dataOffset
  }

  /** Writes an element whose data is `source[offset … offset + length)`, as `element` would. */
  copy(id: number, source: Uint8Array, offset: number, length: number): void {
    let to = this.element(id, length)
    for (let from = offset; from < offset + length; from++) this.#bytes[to++] = source[from]!
  }

  /**
   * Fills up the last word and writes the profile and length.
   * @returns length of the block with its 4-byte head, a multiple of 4; 0 when it has no element
   */
  end(): number {
    if (this.#at === this.#start + 4) return 0
    while ((this.#at - this.#start) % 4 !== 0) this.#bytes[this.#at++] = 0
    const length = this.#at - this.#start
    writeU16(this.#bytes, this.#start, this.#twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE)
    writeU16(this.#bytes, this.#start + 2, length / 4 - 1)
    return length
  }

  /** Rewrites the elements so far in the two-byte form: each moves everything behind it by a byte. */
  #widen(): void {
    const bytes = this.#bytes
    for (let at = this.#start + 4; at < this.#at; ) {
      requireRoom(bytes, this.#at, 1)
      const head = bytes[at]!
      const length = (head & 0x0f) + 1
      bytes.copyWithin(at + 2, at + 1, this.#at)
      bytes[at] = head >> 4
      bytes[at + 1] = length
      this.#at++
      at += 2 + length
    }
    this.#twoByte = true
  }
}
