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
  /** Picture sizes in the last keyframe, by spatial layer, in pixels; 0 = unknown. */
  readonly layers: { readonly widths: ArrayLike<number>; readonly heights: ArrayLike<number> }
}

/** Where the packets of a layer are. */
export interface Place<E> {
  readonly encoding: E
  /** SVC layer in it. */
  readonly spatial: number
  /** No layer of the encoding is above it. */
  readonly highest: boolean
}

export class LayerOrder<E extends OrderedEncoding> {
  /** Ascending; encodings that never sent are left out. */
  readonly #encodings: E[] = []
  layers: readonly Layer[] = []
  /** The same to choose from: a layer in a stream that sends is not left because it pauses. */
  choices: readonly Layer[] = []
  /** Where each of the layers is. */
  places: readonly Place<E>[] = []
  #atMs = Number.NEGATIVE_INFINITY
  #key = ''

  /** The best encoding that sends. */
  get best(): E | undefined {
    return this.places[this.layers.findLastIndex(({ alive }) => alive)]?.encoding
  }

  /** Whether `encoding` is smaller than `than`. */
  isBelow(encoding: E, than: E): boolean {
    return this.#encodings.indexOf(encoding) < this.#encodings.indexOf(than)
  }

  /** Layers came or went: the next `update` looks at once. */
  changed(): void {
    this.#key = ''
  }

  /**
   * Measures and compares, no more often than `MEASURE_MS` but for what has just begun.
   * @returns whether something was measured
   */
  update(encodings: readonly E[], nowMs: number): boolean {
    const begun = encodings.filter(({ lastMs }) => lastMs > Number.NEGATIVE_INFINITY)
    const key = begun.map(({ rid, layers }) => `${rid} ${layers.heights[0]}`).join()
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
    this.places = this.#encodings.flatMap(placesOf)
    this.choices = this.places.map(({ encoding, spatial: svc }, spatial) => ({
      spatial,
      rid: encoding.rid,
      alive: alive(encoding),
      width: encoding.layers.widths[svc]!,
      height: encoding.layers.heights[svc]!,
      rateBps: encoding.rates.cumulated(svc),
    }))
    this.layers = this.choices.map((layer, index) => {
      const { encoding, spatial } = this.places[index]!
      return encoding.rates.sends(spatial) ? layer : { ...layer, alive: false }
    })
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
  const areaA = area(a)
  const areaB = area(b)
  if (areaA > 0 && areaB > 0 && areaA !== areaB) return areaA > areaB
  return rate(a) > rate(b) * BETTER
}

/** Pixels of the largest layer. */
function area({ layers, rates }: OrderedEncoding): number {
  return layers.widths[rates.spatials - 1]! * layers.heights[rates.spatials - 1]!
}

function placesOf<E extends OrderedEncoding>(encoding: E): Place<E>[] {
  const { spatials } = encoding.rates
  return Array.from({ length: spatials }, (_, spatial) => ({ encoding, spatial, highest: spatial === spatials - 1 }))
}

const rate = ({ rates }: OrderedEncoding) => rates.cumulated(Number.POSITIVE_INFINITY).at(-1)!
