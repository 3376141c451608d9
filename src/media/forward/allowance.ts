/** How much a peer may make us do: so much per time, and so much at once. */
export class Allowance {
  readonly #perMs: number
  readonly #burst: number
  #left: number
  #takenMs = 0

  constructor(perMs: number, burst: number) {
    this.#perMs = perMs
    this.#burst = burst
    this.#left = burst
  }

  /** @param nowMs a clock that steps back earns nothing, and takes nothing away @returns how much of `count`, a whole number, is granted; that is taken */
  take(count: number, nowMs: number): number {
    this.#left = Math.min(this.#burst, this.#left + Math.max(0, nowMs - this.#takenMs) * this.#perMs)
    this.#takenMs = nowMs
    const granted = Math.min(count, Math.floor(this.#left))
    this.#left -= granted
    return granted
  }
}
