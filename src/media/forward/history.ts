/**
 * The packets that one publication received in about the last second, each stored once, whoever asks for them.
 * A ring of bytes holds the packets, a table of slots says where: slot = extSeq mod slots.
 *
 * ```
 * slot    … | extSeq | position | length | header | codec | arrival | …
 *                         │
 * bytes   [ newer ……… ][ v ][ oldest ………………………………… ]     position = bytes ever written before it
 * ```
 *
 * The ring starts small and doubles while packets younger than `KEEP_MS` would be overwritten.
 */

/** Long enough for a few round trips of NACK. */
export const KEEP_MS = 1000
const FIRST_BYTES = 16 * 1024

export class History {
  /** What `offsetOf` points into; another array after growth, so never kept. */
  bytes = new Uint8Array(FIRST_BYTES)
  #words = new Int32Array(this.bytes.buffer)
  /** What was stored from last, and the same as words; null when it is not aligned. */
  #source: Uint8Array | null = null
  #sourceWords: Int32Array | null = null
  readonly #slots: number
  readonly #maxBytes: number
  readonly #extSeqs: Float64Array
  readonly #positions: Float64Array
  readonly #arrivedMs: Float64Array
  readonly #lengths: Uint16Array
  readonly #headers: Uint16Array
  readonly #codecs: Uint8Array
  /** Bytes ever written, gaps at the end of the ring included. */
  #written = 0
  /** Arrival of the packet that was first in this round of the ring. */
  #roundMs = 0

  /**
   * @param slots how many numbers back a packet is known; a power of two
   * @param maxBytes most bytes kept; a power of two
   */
  constructor(slots: number, maxBytes: number) {
    this.#slots = slots
    this.#maxBytes = maxBytes
    this.#extSeqs = new Float64Array(slots).fill(-1)
    this.#positions = new Float64Array(slots)
    this.#arrivedMs = new Float64Array(slots)
    this.#lengths = new Uint16Array(slots)
    this.#headers = new Uint16Array(slots)
    this.#codecs = new Uint8Array(slots)
  }

  /** How many numbers back a packet is known. */
  get window(): number {
    return this.#slots
  }

  /** Whether this number came already. Only for numbers less than `window` behind the newest. */
  received(extSeq: number): boolean {
    return this.#extSeqs[extSeq % this.#slots] === extSeq
  }

  /**
   * Stores `source[offset … offset + length)`, an RTP packet without its padding.
   * @param headerLength what stands before the payload (RTP header, and of a recovered packet the OSN)
   */
  store(
    extSeq: number,
    source: Uint8Array,
    offset: number,
    length: number,
    headerLength: number,
    codec: number,
    nowMs: number,
  ): void {
    const slot = extSeq % this.#slots
    const at = this.#room(length, offset % 4, nowMs)
    this.#extSeqs[slot] = extSeq
    this.#positions[slot] = this.#written + at
    this.#lengths[slot] = length
    this.#headers[slot] = headerLength
    this.#codecs[slot] = codec
    this.#arrivedMs[slot] = nowMs
    const to = (this.#written + at) % this.bytes.length
    this.#written += at + length
    this.#copy(source, offset, to, length)
    // The padding was left behind, so its flag has to go (RFC 3550 §5.1).
    this.bytes[to]! &= 0xdf
  }

  /** @returns the slot of a stored packet, or −1 when it never came or was overwritten */
  find(extSeq: number): number {
    if (extSeq < 0) return -1
    const slot = extSeq % this.#slots
    if (this.#extSeqs[slot] !== extSeq) return -1
    return this.#positions[slot]! >= this.#written - this.bytes.length ? slot : -1
  }

  /** Of a slot from `find`: where its packet begins in `bytes`. */
  offsetOf(slot: number): number {
    return this.#positions[slot]! % this.bytes.length
  }

  lengthOf(slot: number): number {
    return this.#lengths[slot]!
  }

  headerLengthOf(slot: number): number {
    return this.#headers[slot]!
  }

  codecOf(slot: number): number {
    return this.#codecs[slot]!
  }

  arrivedMsOf(slot: number): number {
    return this.#arrivedMs[slot]!
  }

  /**
   * Bytes to skip so that `length` bytes fit without wrapping, and begin with the same alignment as their
   * source: then whole words can be copied.
   */
  #room(length: number, alignment: number, nowMs: number): number {
    if (this.#written === 0) this.#roundMs = nowMs
    let at = this.#written % this.bytes.length
    const skip = (alignment - at) & 3
    if (at + skip + length <= this.bytes.length) return skip
    if (nowMs - this.#roundMs < KEEP_MS && this.bytes.length * 2 <= this.#maxBytes) {
      this.#grow()
      at = this.#written % this.bytes.length
      if (at + skip + length <= this.bytes.length) return skip
    }
    this.#roundMs = nowMs
    return this.bytes.length - at + alignment
  }

  /** No packet crosses a multiple of the old size, so each keeps its position, now modulo the new size. */
  #grow(): void {
    const old = this.bytes
    const at = this.#written % old.length
    const round = this.#written - at
    this.bytes = new Uint8Array(old.length * 2)
    this.#words = new Int32Array(this.bytes.buffer)
    this.bytes.set(old.subarray(0, at), round % this.bytes.length)
    this.bytes.set(old.subarray(at), ((round + old.length) % this.bytes.length) + at)
  }

  /**
   * `set(subarray())` would allocate a view for each packet. Words instead of bytes make a plain loop as fast;
   * the ends that do not fill a word are copied bytewise.
   */
  #copy(source: Uint8Array, offset: number, to: number, length: number): void {
    const { bytes } = this
    const end = offset + length
    let from = offset
    for (; from < end && to % 4 !== 0; from++) bytes[to++] = source[from]!
    if (source !== this.#source) this.#useSource(source)
    if (this.#sourceWords !== null && from % 4 === 0) {
      const words = this.#words
      const sourceWords = this.#sourceWords
      let wordTo = to >> 2
      const wordEnd = end >> 2
      for (let word = from >> 2; word < wordEnd; word++) words[wordTo++] = sourceWords[word]!
      to += wordEnd * 4 - from
      from = wordEnd * 4
    }
    for (; from < end; from++) bytes[to++] = source[from]!
  }

  #useSource(source: Uint8Array): void {
    this.#source = source
    const aligned = source.byteOffset % 4 === 0
    this.#sourceWords = aligned ? new Int32Array(source.buffer, source.byteOffset, source.length >> 2) : null
  }
}
