const WAIT_MAX_MS = 50

/**
 * Work that is put off to the end of this turn of the event loop, when everything that could be read has been
 * read: what many messages caused for one socket then goes out at once. An idle server is not slower for it, and
 * the busier it is, the more there is to join.
 */
export class EndOfTurn {
  readonly #nowMs: () => number
  #due: (() => void)[] = []
  #sinceMs = 0

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /**
   * Calls back once, before anything is read again. In a turn that takes long, what is due does not wait for its end,
   * this neither: it may be called back before `add` returns.
   */
  add(callback: () => void): void {
    const nowMs = this.#nowMs()
    if (this.#due.length === 0) {
      this.#sinceMs = nowMs
      setImmediate(() => this.#run())
    }
    this.#due.push(callback)
    if (nowMs - this.#sinceMs > WAIT_MAX_MS) this.#run()
  }

  #run(): void {
    const due = this.#due
    this.#due = []
    for (const callback of due) callback()
  }
}
