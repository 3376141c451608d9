/**
 * How many PeerConnections a session has, or is about to have. Each costs a transport of a worker, and workers have
 * few thousand of them: one client must not take them all.
 */
export class Quota {
  readonly #max: () => number
  readonly #bySession = new Map<number, Set<object>>()

  /** @param max per session, at least 1 */
  constructor(max: () => number) {
    this.#max = max
  }

  /** Places taken, over all sessions. */
  get taken(): number {
    let taken = 0
    for (const places of this.#bySession.values()) taken += places.size
    return taken
  }

  /**
   * Takes a place for `owner`, who keeps the one that he has.
   * @returns false when the session has no more of them
   */
  take(sessionId: number, owner: object): boolean {
    const places = this.#bySession.get(sessionId) ?? new Set<object>()
    if (!places.has(owner) && places.size >= this.#max()) return false
    this.#bySession.set(sessionId, places.add(owner))
    return true
  }

  /** Twice is harmless. */
  giveBack(sessionId: number, owner: object): void {
    const places = this.#bySession.get(sessionId)
    if (places?.delete(owner) && places.size === 0) this.#bySession.delete(sessionId)
  }
}
