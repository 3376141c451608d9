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

  /** @returns how much of `count` is granted, a whole number. A clock that steps back grants nothing extra */
  take(count: number, nowMs: number): number {
    this.#left = Math.min(this.#burst, this.#left + Math.max(0, nowMs - this.#takenMs) * this.#perMs)
    this.#takenMs = nowMs
    const granted = Math.min(count, Math.floor(this.#left))
    this.#left -= granted
    return granted
  }
}
