/**
 * Video packets of one connection that wait for their turn, as references into the histories that hold them: a ring, first
 * come, first served. Whoever waits too long is of no use any more, nor is what follows it.
 */

/** Entries; a second at 20 Mbit/s. A power of two. */
const MAX_WAITING = 2048
const FIRST_SIZE = 64
/** Longer than this nothing waits. */
export const MAX_WAIT_MS = 500

/** One packet: who gets it, and where it is. `S` is a subscription, `P` where its packets come from. */
export class Waiting<S, P> {
  #subscriptions: (S | null)[] = []
  #sources: (P | null)[] = []
  #extSeqs = new Float64Array(0)
  #sinceMs = new Float64Array(0)
  #bytes = new Uint16Array(0)
  #head = 0
  #count = 0
  /** Payload bytes of all packets that wait. */
  totalBytes = 0

  get size(): number {
    return this.#count
  }

  /** How long the first waits. */
  ageMs(nowMs: number): number {
    return this.#count === 0 ? 0 : nowMs - this.#sinceMs[this.#head]!
  }

  /** @returns false when there is no room */
  push(subscription: S, source: P, extSeq: number, bytes: number, nowMs: number): boolean {
    if (this.#count === this.#extSeqs.length && !this.#grow()) return false
    const at = (this.#head + this.#count++) & (this.#extSeqs.length - 1)
    this.#subscriptions[at] = subscription
    this.#sources[at] = source
    this.#extSeqs[at] = extSeq
    this.#sinceMs[at] = nowMs
    this.#bytes[at] = bytes
    this.totalBytes += bytes
    return true
  }

  // ---- of the first; there is one

  get subscription(): S {
    return this.#subscriptions[this.#head]!
  }

  get source(): P {
    return this.#sources[this.#head]!
  }

  get extSeq(): number {
    return this.#extSeqs[this.#head]!
  }

  /** Takes the first out. */
  shift(): void {
    this.#subscriptions[this.#head] = this.#sources[this.#head] = null
    this.totalBytes -= this.#bytes[this.#head]!
    this.#head = (this.#head + 1) & (this.#extSeqs.length - 1)
    this.#count--
  }

  /** In order, into arrays of twice the size. */
  #grow(): boolean {
    const old = this.#extSeqs.length
    if (old === MAX_WAITING) return false
    const size = Math.max(FIRST_SIZE, old * 2)
    const extSeqs = new Float64Array(size)
    const sinceMs = new Float64Array(size)
    const bytes = new Uint16Array(size)
    const subscriptions: (S | null)[] = new Array(size).fill(null)
    const sources: (P | null)[] = new Array(size).fill(null)
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#head + i) & (old - 1)
      extSeqs[i] = this.#extSeqs[at]!
      sinceMs[i] = this.#sinceMs[at]!
      bytes[i] = this.#bytes[at]!
      subscriptions[i] = this.#subscriptions[at]!
      sources[i] = this.#sources[at]!
    }
    this.#extSeqs = extSeqs
    this.#sinceMs = sinceMs
    this.#bytes = bytes
    this.#subscriptions = subscriptions
    this.#sources = sources
    this.#head = 0
    return true
  }
}
