/**
 * Numbers for the users whose data-channel messages pass through this worker. An association keeps the number of its user beside
 * each message that waits, so that a block can still stop it.
 */

/**
 * Users that have a number at most. One more, and whoever has spoken least lately loses theirs: a block stops what they say
 * from then on, and no longer what waits under the old number.
 */
export const MAX_SENDERS = 16_384

export class Senders {
  /** By room and user; whoever spoke last comes last. */
  readonly #numbers = new Map<string, number>()
  #next = 0

  /** The user says something. @returns the user's number, a whole number from 0 on, given now if there was none */
  speaks(room: string, user: string): number {
    const key = keyOf(room, user)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#next++
      if (this.#numbers.size >= MAX_SENDERS) this.#forgetOldest()
    } else this.#numbers.delete(key)
    this.#numbers.set(key, number)
    return number
  }

  /** @returns the user's number; undefined when none of the user's messages can be waiting under one that is known */
  numberOf(room: string, user: string): number | undefined {
    return this.#numbers.get(keyOf(room, user))
  }

  #forgetOldest(): void {
    for (const key of this.#numbers.keys()) {
      this.#numbers.delete(key)
      return
    }
  }
}

/** Ids of rooms and users have no control characters. */
const keyOf = (room: string, user: string) => `${room}\n${user}`
