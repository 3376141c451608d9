import type { Clock } from '../clock.js'

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  #nowMs = 1000
  #timers = new Set<{ atMs: number; callback: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  get timers(): number {
    return this.#timers.size
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Calls back everything that is due within the next `ms`, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#nowMs = due.atMs
      due.callback()
    }
    this.#nowMs = untilMs
  }
}
