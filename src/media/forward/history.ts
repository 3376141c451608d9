/**
 * The packets that one stream brought in about the last second, each stored once, whoever asks for them. A ring of
 * bytes holds the packets, a table of slots says where: slot = extSeq mod slots.
 *
 * ```
 * slot    … | extSeq | position | length | header | codec | arrival | …
 *                         │
 * bytes   [ newer ……… ][ v ][ oldest ………………………………… ]     position = bytes ever written before it
 * ```
 *
 * Both are as large as the stream needs: they double before a packet younger than `KEEP_MS` would be overwritten, up
 * to their bounds, and the ring is halved when it holds several times as much. Nothing is allocated for a stream
 * that never comes.
 */
import type { MediaKind } from '../control.js'

/** Long enough for a few round trips of NACK. */
export const KEEP_MS = 1000
/** Over long paths a few round trips are more; senders in browsers forget by then, too. */
const MAX_KEEP_MS = 3000
const KEEP_ROUND_TRIPS = 5
const FIRST_BYTES = 8 * 1024
/** More than the holes that are ever asked for at once, so that all of them have their place. */
const FIRST_SLOTS = 512
/** The ring's bytes are dated in parts of this size. */
const PART_BYTES = 2048
/** A ring that goes round as slowly as this, times `KEEP_MS`, is too large. */
const SLOW_ROUND = 4
const NOWHERE = Number.NEGATIVE_INFINITY

export class History {
  /** What `offsetOf` points into; another array after growth, so never kept. */
  bytes = new Uint8Array(0)
  #words = new Int32Array(0)
  /** Arrival of the newest packet in each part of the ring. */
  #partMs = new Float64Array(0)
  /** What was stored from last, and the same as words; null when it is not aligned. */
  #source: Uint8Array | null = null
  #sourceWords: Int32Array | null = null
  readonly #maxSlots: number
  readonly #maxBytes: number
  #slots: number
  #extSeqs = new Float64Array(0)
  #positions = new Float64Array(0)
  #arrivedMs = new Float64Array(0)
  #lengths = new Uint16Array(0)
  #headers = new Uint16Array(0)
  #codecs = new Uint8Array(0)
  /** How long a packet can be found, as far as the bounds allow. */
  #keepMs = KEEP_MS
  /** Bytes ever written, gaps at the end of the ring included. */
  #written = 0
  /** Arrival of the packet that was first in this round of the ring. */
  #roundMs = 0

  /**
   * @param maxSlots most numbers back that a packet is known; a power of two
   * @param maxBytes most bytes kept; a power of two
   */
  constructor(maxSlots: number, maxBytes: number) {
    this.#maxSlots = maxSlots
    this.#maxBytes = maxBytes
    this.#slots = Math.min(FIRST_SLOTS, maxSlots)
  }

  /** Packets are asked for over round trips of up to `rttMs`: they are kept for five of those, at most 3 s. */
  keepFor(rttMs: number): void {
    this.#keepMs = Math.min(MAX_KEEP_MS, Math.max(KEEP_MS, rttMs * KEEP_ROUND_TRIPS))
  }

  /** How many numbers back a packet is known: none of the last second is older, unless the bound is reached. */
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
    const slot = this.#slotFor(extSeq, nowMs)
    const at = this.#room(length, offset % 4, nowMs)
    this.#extSeqs[slot] = extSeq
    this.#positions[slot] = this.#written + at
    this.#lengths[slot] = length
    this.#headers[slot] = headerLength
    this.#codecs[slot] = codec
    this.#arrivedMs[slot] = nowMs
    this.#write(at, source, offset, length, nowMs)
  }

  /** The packet that was stored last, which is this one, gets the marker bit (RFC 3550 §5.1). */
  mark(extSeq: number): void {
    this.bytes[this.offsetOf(extSeq % this.#slots) + 1]! |= 0x80
  }

  /** The number came, but nobody will ask for its packet. */
  note(extSeq: number, nowMs: number): void {
    const slot = this.#slotFor(extSeq, nowMs)
    this.#extSeqs[slot] = extSeq
    this.#positions[slot] = NOWHERE
  }

  /** @returns the slot of a stored packet, or −1 when it never came or was overwritten */
  find(extSeq: number): number {
    if (extSeq < 0) return -1
    const slot = extSeq % this.#slots
    return this.#extSeqs[slot] === extSeq && this.#holds(slot) ? slot : -1
  }

  /** Where the packet of a slot from `find` begins in `bytes`. */
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

  /** Gives back the bytes of a stream that is silent: its packets are gone, which of them came is still known. */
  rest(): void {
    if (this.resting) return
    this.#positions.fill(NOWHERE)
    this.#newRing(0)
  }

  /** Whether it holds no packet. */
  get resting(): boolean {
    return this.bytes.length === 0
  }

  #holds(slot: number): boolean {
    return this.#positions[slot]! >= this.#written - this.bytes.length
  }

  // ---- slots

  /** The slot that `extSeq` takes, after growth if a young packet is in it. */
  #slotFor(extSeq: number, nowMs: number): number {
    if (this.#extSeqs.length === 0) this.#newSlots(this.#slots)
    for (;;) {
      const slot = extSeq % this.#slots
      const before = this.#extSeqs[slot]!
      const young = before >= 0 && before !== extSeq && nowMs - this.#arrivedMs[slot]! < this.#keepMs
      if (!young || this.#slots * 2 > this.#maxSlots) return slot
      this.#newSlots(this.#slots * 2)
    }
  }

  #newSlots(slots: number): void {
    const old = { extSeqs: this.#extSeqs, positions: this.#positions, arrivedMs: this.#arrivedMs }
    const [lengths, headers, codecs] = [this.#lengths, this.#headers, this.#codecs]
    this.#slots = slots
    this.#extSeqs = new Float64Array(slots).fill(-1)
    this.#positions = new Float64Array(slots)
    this.#arrivedMs = new Float64Array(slots)
    this.#lengths = new Uint16Array(slots)
    this.#headers = new Uint16Array(slots)
    this.#codecs = new Uint8Array(slots)
    for (const [from, extSeq] of old.extSeqs.entries()) {
      if (extSeq < 0) continue
      const to = extSeq % slots
      this.#extSeqs[to] = extSeq
      this.#positions[to] = old.positions[from]!
      this.#arrivedMs[to] = old.arrivedMs[from]!
      this.#lengths[to] = lengths[from]!
      this.#headers[to] = headers[from]!
      this.#codecs[to] = codecs[from]!
    }
  }

  // ---- the ring

  /**
   * Bytes to skip so that `length` bytes fit without wrapping, and begin with the same alignment as their
   * source: then whole words can be copied.
   */
  #room(length: number, alignment: number, nowMs: number): number {
    if (this.bytes.length === 0) this.#newRing(FIRST_BYTES)
    if (this.#written === 0) this.#roundMs = nowMs
    let at = this.#skip(length, alignment)
    while (this.#wouldLose(at, length, nowMs) && this.bytes.length * 2 <= this.#maxBytes) {
      this.#resize(this.bytes.length * 2, nowMs)
      at = this.#skip(length, alignment)
    }
    if (!this.#wraps(at)) return at
    const slow = nowMs - this.#roundMs >= this.#keepMs * SLOW_ROUND
    if (slow && this.bytes.length > FIRST_BYTES && this.#youngBytes(nowMs) < this.bytes.length / 4) {
      this.#resize(this.bytes.length / 2, nowMs)
      at = this.#skip(length, alignment)
    }
    this.#roundMs = nowMs
    return at
  }

  /** Bytes to skip in the ring as large as it is. */
  #skip(length: number, alignment: number): number {
    const at = this.#written % this.bytes.length
    const skip = (alignment - at) & 3
    return at + skip + length <= this.bytes.length ? skip : this.bytes.length - at + alignment
  }

  /** Whether a round of the ring begins there. */
  #wraps(skip: number): boolean {
    const { length } = this.bytes
    return Math.floor((this.#written + skip) / length) > Math.floor((this.#written - 1) / length)
  }

  #youngBytes(nowMs: number): number {
    let bytes = 0
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#extSeqs[slot]! >= 0 && nowMs - this.#arrivedMs[slot]! < this.#keepMs) bytes += this.#lengths[slot]!
    }
    return bytes
  }

  /** Whether writing `length` bytes after `skip` overwrites a packet that is young. */
  #wouldLose(skip: number, length: number, nowMs: number): boolean {
    const { length: size } = this.bytes
    const current = this.#written === 0 ? -1 : Math.floor(((this.#written - 1) % size) / PART_BYTES)
    const from = (this.#written + skip) % size
    // What a wrap leaves out at the end is lost, too.
    if (this.#wraps(skip) && this.#young(current + 1, size / PART_BYTES - 1, nowMs)) return true
    const first = Math.floor(from / PART_BYTES)
    const last = Math.floor((from + length - 1) / PART_BYTES)
    return this.#young(first === current ? first + 1 : first, last, nowMs)
  }

  #young(firstPart: number, lastPart: number, nowMs: number): boolean {
    for (let part = firstPart; part <= lastPart; part++) if (nowMs - this.#partMs[part]! < this.#keepMs) return true
    return false
  }

  #newRing(length: number): void {
    this.bytes = new Uint8Array(length)
    this.#words = new Int32Array(this.bytes.buffer)
    this.#partMs = new Float64Array(length / PART_BYTES).fill(NOWHERE)
    this.#written = 0
  }

  /** Moves what is there to a ring of another size: all when it is larger, what is young when it is smaller. */
  #resize(length: number, nowMs: number): void {
    const old = this.bytes
    const moved: { slot: number; position: number }[] = []
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#extSeqs[slot]! < 0) continue
      const wanted = length > old.length || nowMs - this.#arrivedMs[slot]! < this.#keepMs
      if (wanted && this.#holds(slot)) moved.push({ slot, position: this.#positions[slot]! })
      this.#positions[slot] = NOWHERE
    }
    moved.sort((a, b) => a.position - b.position)
    this.#newRing(length)
    this.#roundMs = moved[0] === undefined ? nowMs : this.#arrivedMs[moved[0].slot]!
    for (const { slot, position } of moved) {
      const offset = position % old.length
      const skip = this.#skip(this.#lengths[slot]!, offset % 4)
      this.#positions[slot] = this.#written + skip
      this.#write(skip, old, offset, this.#lengths[slot]!, this.#arrivedMs[slot]!)
    }
    this.#source = this.#sourceWords = null
  }

  #write(skip: number, source: Uint8Array, offset: number, length: number, arrivedMs: number): void {
    const to = (this.#written + skip) % this.bytes.length
    this.#written += skip + length
    this.#copy(source, offset, to, length)
    // The padding was left behind, so its flag has to go (RFC 3550 §5.1).
    this.bytes[to]! &= 0xdf
    const last = Math.floor((to + length - 1) / PART_BYTES)
    for (let part = Math.floor(to / PART_BYTES); part <= last; part++) this.#partMs[part] = arrivedMs
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

/** Most slots: a second at 10 Mbit/s of packets of 300 bytes, and of audio in 5 ms frames. */
const VIDEO_SLOTS = 4096
const AUDIO_SLOTS = 256
const AUDIO_BYTES = 64 * 1024
const VIDEO_BYTES_MIN = 64 * 1024
const VIDEO_BYTES_MAX = 8 * 1024 * 1024

/** A history for what a publisher sends: of video a second at `maxPublisherBps`, the most that it is asked for. */
export function historyOf(kind: MediaKind, maxPublisherBps: number): History {
  if (kind !== 'video') return new History(AUDIO_SLOTS, AUDIO_BYTES)
  const bytes = Math.max(VIDEO_BYTES_MIN, Math.min(VIDEO_BYTES_MAX, maxPublisherBps / 8))
  return new History(VIDEO_SLOTS, 2 ** Math.ceil(Math.log2(bytes)))
}
