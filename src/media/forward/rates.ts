/** Rates by layer: bytes are added per packet, rates are made of them a few times per second. */
import { MAX_SPATIAL, MAX_TEMPORAL } from './layers.js'

/** A spatial layer without a packet in so many measurements has been left off. */
const SILENT_MEASUREMENTS = 2
const CELLS = MAX_SPATIAL * MAX_TEMPORAL
/** Measured no more often, so that single frames do not show. */
export const MEASURE_MS = 250
/** Weight of the newest measurement: a step is seen to the half after half a second. */
const NEWEST = 0.3
/** The first measurements count more: an encoder's start is no average. */
const FIRST = 0.6

export class LayerRates {
  /** Payload bytes ever, by spatial × MAX_TEMPORAL + temporal. */
  readonly #bytes = new Float64Array(CELLS)
  readonly #measured = new Float64Array(CELLS)
  readonly #rateBps = new Float64Array(CELLS)
  /** By spatial layer: measurements since its last packet. */
  readonly #silent = new Uint8Array(MAX_SPATIAL)
  #atMs = Number.NaN
  #measurements = 0
  /** Layers seen so far, at least one. */
  spatials = 1
  temporals = 1

  /** One packet came. Layers beyond what is told apart count as the highest. */
  add(spatial: number, temporal: number, bytes: number): void {
    const s = spatial < MAX_SPATIAL ? spatial : MAX_SPATIAL - 1
    const t = temporal < MAX_TEMPORAL ? temporal : MAX_TEMPORAL - 1
    if (s >= this.spatials) this.spatials = s + 1
    if (t >= this.temporals) this.temporals = t + 1
    this.#bytes[s * MAX_TEMPORAL + t]! += bytes
  }

  /** Makes rates of what came since the last time. Sooner than `MEASURE_MS` after it, nothing changes. */
  measure(nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs
    if (elapsedMs < MEASURE_MS) return
    this.#atMs = nowMs
    if (Number.isNaN(elapsedMs)) return void this.#measured.set(this.#bytes)
    for (let s = 0; s < MAX_SPATIAL; s++) this.#silent[s] = this.#came(s) ? 0 : Math.min(255, this.#silent[s]! + 1)
    const weight = this.#measurements++ < 3 ? FIRST : NEWEST
    for (let i = 0; i < CELLS; i++) {
      const newest = ((this.#bytes[i]! - this.#measured[i]!) * 8000) / elapsedMs
      this.#rateBps[i]! += (newest - this.#rateBps[i]!) * weight
      this.#measured[i] = this.#bytes[i]!
    }
  }

  #came(spatial: number): boolean {
    for (let i = spatial * MAX_TEMPORAL; i < (spatial + 1) * MAX_TEMPORAL; i++) {
      if (this.#bytes[i] !== this.#measured[i]) return true
    }
    return false
  }

  /** Whether something of the spatial layer came lately, as far as other layers did. */
  sends(spatial: number): boolean {
    const s = Math.min(spatial, MAX_SPATIAL - 1)
    return this.#silent[s]! < SILENT_MEASUREMENTS || this.#silent[0]! >= SILENT_MEASUREMENTS
  }

  /** Layers may be others from now on. */
  reset(): void {
    this.spatials = this.temporals = 1
    this.#rateBps.fill(0)
    this.#measured.set(this.#bytes)
    this.#measurements = 0
    this.#atMs = Number.NaN
  }

  /** Bit/s of a spatial layer with all below it, by temporal layer with all below it. */
  cumulated(spatial: number): number[] {
    const sums: number[] = []
    for (let t = 0; t < this.temporals; t++) {
      let sum = t > 0 ? sums[t - 1]! : 0
      for (let s = 0; s <= spatial && s < MAX_SPATIAL; s++) sum += this.#rateBps[s * MAX_TEMPORAL + t]!
      sums.push(sum)
    }
    return sums
  }
}
