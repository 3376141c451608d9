/**
 * The spatial layers of an m-line in ascending quality: by picture size where it is known, else by rate. A publisher begins
 * with its smallest encoding, adds others as its bandwidth grows, and leaves them off when it shrinks.
 */
import type { Layer } from './layers.js'
import { type LayerRates, MEASURE_MS } from './rates.js'

/** So much more is another resolution and not a busier picture. */
const BETTER = 1.25
/** An encoding that was silent for so long while another one sent has been left off. */
export const DEAD_MS = 500

/** What is compared. */
export interface OrderedEncoding {
  readonly rid: string
  readonly rates: LayerRates
  /** When RTP came last; −Infinity before the first packet. */
  readonly lastMs: number
  /** Of the last keyframe, 0 = unknown. */
  readonly width: number
  readonly height: number
}

export class LayerOrder<E extends OrderedEncoding> {
  /** Ascending; encodings that never sent are left out. */
  readonly #encodings: E[] = []
  /** Which encoding each layer is of. */
  encodings: readonly E[] = []
  layers: readonly Layer[] = []
  #atMs = Number.NEGATIVE_INFINITY
  #key = ''

  /** The best that sends. */
  get best(): E | undefined {
    return this.encodings[this.layers.findLastIndex(({ alive }) => alive)]
  }

  /** Whether `encoding` is smaller than `than`. */
  isBelow(encoding: E, than: E): boolean {
    return this.#encodings.indexOf(encoding) < this.#encodings.indexOf(than)
  }

  /**
   * Measures and compares, no more often than `MEASURE_MS` but for an encoding that has just begun.
   * @returns whether something was measured
   */
  update(encodings: readonly E[], nowMs: number): boolean {
    const begun = encodings.filter(({ lastMs }) => lastMs > Number.NEGATIVE_INFINITY)
    const key = begun.map(({ rid, width, height }) => `${rid} ${width} ${height}`).join()
    if (nowMs - this.#atMs < MEASURE_MS && key === this.#key) return false
    this.#atMs = nowMs
    this.#key = key
    for (const encoding of begun) {
      encoding.rates.measure(nowMs)
      // Nothing speaks for one that has just begun.
      if (!this.#encodings.includes(encoding)) this.#encodings.unshift(encoding)
    }
    const newestMs = Math.max(...begun.map(({ lastMs }) => lastMs))
    const alive = (encoding: E) => newestMs - encoding.lastMs < DEAD_MS
    this.#sort(alive)
    this.layers = this.#encodings.map((encoding, spatial) => ({
      spatial,
      rid: encoding.rid,
      alive: alive(encoding),
      width: encoding.width,
      height: encoding.height,
      rateBps: encoding.rates.cumulated(0),
    }))
    this.encodings = this.#encodings
    return true
  }

  /** Neighbours change places when the first is clearly the better one: few, and nearly always in order. */
  #sort(alive: (encoding: E) => boolean): void {
    const sorted = this.#encodings
    for (let pass = 1; pass < sorted.length; pass++) {
      for (let i = 1; i < sorted.length; i++) {
        const below = sorted[i - 1]!
        const above = sorted[i]!
        if (!alive(below) || !alive(above) || !isBetter(below, above)) continue
        sorted[i - 1] = above
        sorted[i] = below
      }
    }
  }
}

function isBetter(a: OrderedEncoding, b: OrderedEncoding): boolean {
  const areaA = a.width * a.height
  const areaB = b.width * b.height
  if (areaA > 0 && areaB > 0 && areaA !== areaB) return areaA > areaB
  return rate(a) > rate(b) * BETTER
}

const rate = ({ rates }: OrderedEncoding) => rates.cumulated(Number.POSITIVE_INFINITY).at(-1)!
