/** Events that wait for their backend, as JSON, within bounds. */

export interface QueueLimits {
  readonly events: number
  /** Characters of JSON. */
  readonly characters: number
}

/**
 * When it is full the oldest go: whoever was away for long then learns what is the case now, such as which sessions
 * have ended, and would otherwise keep what was.
 */
export class EventQueue {
  readonly #limits: QueueLimits
  #waiting: string[] = []
  #characters = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#waiting.length
  }

  /** @returns how many events had to go for it */
  add(json: string): number {
    this.#waiting.push(json)
    this.#characters += json.length
    let dropped = 0
    while (this.#waiting.length > this.#limits.events || this.#characters > this.#limits.characters) {
      this.#characters -= this.#waiting.shift()!.length
      dropped++
    }
    return dropped
  }

  /** Takes out the oldest, `count` at most. */
  take(count: number): string[] {
    const taken = this.#waiting.splice(0, count)
    for (const json of taken) this.#characters -= json.length
    return taken
  }
}
