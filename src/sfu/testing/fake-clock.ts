/** Time that stands still until a test moves it. */
import type { Clock } from '../clock.js'

export class FakeClock implements Clock {
  #nowMs = 1_000_000
  readonly #timers = new Set<{ atMs: number; callback: () => void }>()

  get timers(): number {
    return this.#timers.size
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of [...this.#timers]) {
      if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.callback()
    }
  }
}
