/**
 * Chunks that are sent and not acknowledged cumulatively, in TSN order without holes: a ring whose slot is the TSN
 * modulo its size, so that it wraps where TSNs do. One row of integers per chunk:
 *
 * ```
 * | start in the message | length | flags | state | times sent | misses | misses count behind this TSN | given up as lost |
 * ```
 *
 * It is empty at first, doubles when it is full, and gives its memory back when everything has been acknowledged.
 */
import type { Message } from './send-queue.js'

/** Columns of a row. */
export const Chunk = {
  start: 0,
  length: 1,
  /** `DataFlag`. */
  flags: 2,
  state: 3,
  sentCount: 4,
  /** SACKs that reported later chunks and not this one (RFC 9260 §7.2.4). */
  misses: 5,
  /** Only a newly acknowledged TSN behind this one counts as a miss: it was sent after this chunk's last copy. */
  missesBehind: 6,
  /** 1 if it was abandoned because it counted as lost; the time it was sent at is then the time at which that happened. */
  givenUpAsLost: 7,
} as const
const STRIDE = 8

/** `inFlight`: on its way; `lost`: to be sent again; `acked`: by a gap block; `abandoned`: never again. */
export const ChunkState = { inFlight: 0, lost: 1, acked: 2, abandoned: 3 } as const

const MIN_SLOTS = 16
/** A ring above this size is given back when it is empty. */
const KEEP_SLOTS = 128

export class Flight {
  /** TSN of the first chunk that is held, and of the next one to be added. */
  first: number
  next: number
  #slots = 0
  #rows = new Uint32Array(0)
  #sentAtMs = new Float64Array(0)
  #messages: (Message | undefined)[] = []

  constructor(initialTsn: number) {
    this.first = initialTsn
    this.next = initialTsn
  }

  /** Chunks that are held. */
  get size(): number {
    return (this.next - this.first) >>> 0
  }

  /** Whether a chunk of that TSN is held. The methods below that take a TSN may be asked about those only. */
  has(tsn: number): boolean {
    return (tsn - this.first) >>> 0 < this.size
  }

  /** Adds the chunk of `message` that begins at byte `start`, in flight and not sent yet. @param flags `DataFlag` @returns its TSN */
  add(message: Message, start: number, length: number, flags: number): number {
    if (this.size === this.#slots) this.#resize(Math.max(MIN_SLOTS, this.#slots * 2))
    const tsn = this.next
    const slot = tsn & (this.#slots - 1)
    const row = slot * STRIDE
    this.#messages[slot] = message
    this.#rows.fill(0, row, row + STRIDE)
    this.#rows[row + Chunk.start] = start
    this.#rows[row + Chunk.length] = length
    this.#rows[row + Chunk.flags] = flags
    this.next = (tsn + 1) >>> 0
    return tsn
  }

  /** Forgets the first chunk. */
  shift(): void {
    this.#messages[this.first & (this.#slots - 1)] = undefined
    this.first = (this.first + 1) >>> 0
    if (this.first === this.next && this.#slots > KEEP_SLOTS) this.#resize(MIN_SLOTS)
  }

  /** @param column one of `Chunk` */
  get(tsn: number, column: number): number {
    return this.#rows[(tsn & (this.#slots - 1)) * STRIDE + column]!
  }

  /** @param column one of `Chunk` @param value an unsigned integer of 32 bits at most */
  set(tsn: number, column: number, value: number): void {
    this.#rows[(tsn & (this.#slots - 1)) * STRIDE + column] = value
  }

  /** The message that it is a part of. */
  message(tsn: number): Message {
    return this.#messages[tsn & (this.#slots - 1)]!
  }

  /** When it was last sent; see also `Chunk.givenUpAsLost`. */
  sentAtMs(tsn: number): number {
    return this.#sentAtMs[tsn & (this.#slots - 1)]!
  }

  /** Says when that was. */
  setSentAtMs(tsn: number, nowMs: number): void {
    this.#sentAtMs[tsn & (this.#slots - 1)] = nowMs
  }

  #resize(slots: number): void {
    const rows = new Uint32Array(slots * STRIDE)
    const sentAtMs = new Float64Array(slots)
    const messages: (Message | undefined)[] = new Array(slots).fill(undefined)
    for (let tsn = this.first; tsn !== this.next; tsn = (tsn + 1) >>> 0) {
      const from = tsn & (this.#slots - 1)
      const to = tsn & (slots - 1)
      rows.set(this.#rows.subarray(from * STRIDE, (from + 1) * STRIDE), to * STRIDE)
      sentAtMs[to] = this.#sentAtMs[from]!
      messages[to] = this.#messages[from]
    }
    this.#slots = slots
    this.#rows = rows
    this.#sentAtMs = sentAtMs
    this.#messages = messages
  }
}
