const WAIT_MAX_MS = 50

/** Who has something to do at the end of a turn. */
export interface Due {
  endOfTurn(): void
  /** `endOfTurn` threw, which is a bug: it ends this one, and the others are called all the same. Must not throw. */
  broke(error: unknown): void
}

/**
 * Work that is put off to the end of this turn of the event loop, when everything that could be read has been
 * read: what many messages caused for one socket then goes out at once. An idle server is not slower for it, and
 * the busier it is, the more there is to join.
 */
export class EndOfTurn {
  readonly #nowMs: () => number
  #due: Due[] = []
  #sinceMs = 0

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /**
   * Calls back once, before anything is read again. In a turn that takes long, what is due does not wait for its end,
   * this neither: it may be called back before `add` returns.
   */
  add(due: Due): void {
    const nowMs = this.#nowMs()
    if (this.#due.length === 0) {
      this.#sinceMs = nowMs
      setImmediate(() => this.#run())
    }
    this.#due.push(due)
    if (nowMs - this.#sinceMs > WAIT_MAX_MS) this.#run()
  }

  #run(): void {
    const due = this.#due
    this.#due = []
    for (const each of due) {
      try {
        each.endOfTurn()
      } catch (error) {
        each.broke(error)
      }
    }
  }
}
