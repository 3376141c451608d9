/**
 * Which SSRC of one peer is what. Few and flat: a search over integers beats a map, and no key is allocated.
 * Peers have tables of their own, so that two publishers may use the same SSRC.
 */

/** SSRCs that one peer may use at once: sixteen pictures with three encodings each and RTX, sixteen sounds, and some changes. */
export const MAX_SSRCS = 128
/** An SSRC that was silent for this long may be forgotten when another needs its place. */
const FORGET_MS = 5000

/** What is known about one SSRC. A stream is an encoding of an m-line. */
export interface Source<Stream> {
  readonly ssrc: number
  readonly stream: Stream
  /** Carries retransmissions (RFC 4588). */
  readonly rtx: boolean
  /** RTX only: the SSRC it repairs, as SDP said; −1 = not said. */
  repairs: number
  /** Another SSRC of the stream took over: this one may return only when that one is silent. */
  replaced: boolean
  lastMs: number
}

export class SsrcTable<Stream> {
  readonly #keys = new Int32Array(MAX_SSRCS)
  readonly #sources: Source<Stream>[] = []

  get size(): number {
    return this.#sources.length
  }

  /** @param ssrc 0…2^32−1 */
  find(ssrc: number): Source<Stream> | undefined {
    const key = ssrc | 0
    const keys = this.#keys
    for (let i = 0; i < this.#sources.length; i++) if (keys[i] === key) return this.#sources[i]
    return undefined
  }

  /**
   * Adds a source, or replaces the one with the same SSRC. When the table is full, the one that has been silent
   * longest gives way.
   * @returns false when all have been heard lately
   */
  add(source: Source<Stream>): boolean {
    let at = this.#sources.findIndex(({ ssrc }) => ssrc === source.ssrc)
    if (at < 0) at = this.#sources.length
    if (at === MAX_SSRCS) {
      at = 0
      for (let i = 1; i < MAX_SSRCS; i++) if (this.#sources[i]!.lastMs < this.#sources[at]!.lastMs) at = i
      if (source.lastMs - this.#sources[at]!.lastMs < FORGET_MS) return false
    }
    this.#keys[at] = source.ssrc | 0
    this.#sources[at] = source
    return true
  }

  /** Forgets all sources of one stream. */
  remove(stream: Stream): void {
    this.keep((source) => source.stream !== stream)
  }

  /** Forgets all others. Not for the packet path. */
  keep(wanted: (source: Source<Stream>) => boolean): void {
    const kept = this.#sources.filter(wanted)
    this.#sources.length = 0
    for (const source of kept) {
      this.#keys[this.#sources.length] = source.ssrc | 0
      this.#sources.push(source)
    }
  }

  /** Calls `visit` for each source of `stream`. Not for the packet path. */
  forEach(stream: Stream, visit: (source: Source<Stream>) => void): void {
    for (const source of this.#sources) if (source.stream === stream) visit(source)
  }
}
