/**
 * One string for each user whose data-channel messages pass through this worker. It stands beside each message that waits,
 * so that a block can still stop it; and what comes from another worker brings a new copy of it each time.
 */

/** Users who are known at most. Of one more, and of one who was forgotten, messages keep copies: more bytes, and no other difference. */
export const MAX_SENDERS = 16_384

export class Senders {
  /** Whoever spoke first comes first. */
  readonly #known = new Map<string, string>()

  get size(): number {
    return this.#known.size
  }

  /** @returns a string that is equal to `user`, and mostly the same for equal ones */
  of(user: string): string {
    const known = this.#known.get(user)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_SENDERS) this.#forgetOldest()
    this.#known.set(user, user)
    return user
  }

  #forgetOldest(): void {
    for (const user of this.#known.keys()) {
      this.#known.delete(user)
      return
    }
  }
}
