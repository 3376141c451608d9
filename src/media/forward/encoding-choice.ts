/**
 * Which simulcast encoding of one m-line is forwarded: the one with the most bytes, which is the best picture.
 * A publisher begins with its smallest and adds others as its bandwidth grows, and leaves them off when it
 * shrinks, so the choice is looked at again with every report. The change waits for a keyframe of the other.
 */

/** What the choice looks at. */
export interface Encoding {
  readonly ssrc: number
  /** '' without simulcast. */
  readonly rid: string
  /** Payload bytes since the last look, forwarded or not. */
  bytes: number
  lastMs: number
}

/** So much more is another resolution and not a busier picture. */
const BETTER = 1.25
/** Encodings of one m-line; browsers send up to three. */
const MAX_ENCODINGS = 8

export class EncodingChoice<E extends Encoding> {
  readonly #others: E[] = []
  #wanted: E | null = null

  /** The encoding to change to at its next keyframe; null = the present one is best. */
  get wanted(): E | null {
    return this.#wanted
  }

  /** A packet of an encoding that is not forwarded came. */
  seen(encoding: E): void {
    if (!this.#others.includes(encoding) && this.#others.length < MAX_ENCODINGS) this.#others.push(encoding)
  }

  /** The change was made, or the encodings are others now. */
  reset(): void {
    this.#others.length = 0
    this.#wanted = null
  }

  /**
   * Looks at what came since the last look.
   * @param sinceMs an encoding that was silent since then has gone
   * @returns the encoding to ask for a keyframe, or null
   */
  look(current: E, sinceMs: number): E | null {
    let best: E | null = null
    for (const other of this.#others) {
      if (other === current || other.rid === current.rid || other.lastMs < sinceMs) continue
      if (best === null || other.bytes > best.bytes) best = other
    }
    this.#wanted = best !== null && best.bytes > current.bytes * BETTER ? best : null
    current.bytes = 0
    for (const other of this.#others) other.bytes = 0
    return this.#wanted
  }
}
