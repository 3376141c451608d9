/**
 * Clients that vanished without a word. When a connected peer connection falls silent (no more connectivity checks), its
 * whole session ends as soon as nothing was heard from the client for `SILENCE_MS`: others should not look at a
 * frozen picture until the session times out. A client that still has another peer connection up, or that says
 * anything at all after that, is alive.
 */
import type { Clock } from './clock.js'
import type { Log } from './log.js'

/** No longer than a peer connection takes to count as silent: a vanished user is gone within 20 s. */
export const SILENCE_MS = 15_000

/** What is looked at in a connection. */
export interface Suspect {
  readonly sessionId: number
  /** It has a peer connection that is up, and is heard of there. */
  readonly up: boolean
  lastActivityMs(): number
  expireSession(): void
}

export class Ghosts {
  readonly #clock: Clock
  readonly #log: Log
  readonly #sessions = new Map<number, Set<Suspect>>()
  /** Sessions on probation: calls off the decision. */
  readonly #watched = new Map<number, () => void>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  get watched(): number {
    return this.#watched.size
  }

  get sessions(): number {
    return this.#sessions.size
  }

  attached(connection: Suspect): void {
    const connections = this.#sessions.get(connection.sessionId) ?? new Set<Suspect>()
    this.#sessions.set(connection.sessionId, connections.add(connection))
  }

  detached(connection: Suspect): void {
    const connections = this.#sessions.get(connection.sessionId)
    if (!connections?.delete(connection) || connections.size > 0) return
    this.#sessions.delete(connection.sessionId)
    this.#forget(connection.sessionId)
  }

  /** Nothing is heard of it any more on a peer connection that had been up, or that has ended of it. */
  fellSilent(connection: Suspect): void {
    const { sessionId } = connection
    if (this.#watched.has(sessionId) || this.#isUp(sessionId)) return
    const lastActivityMs = connection.lastActivityMs()
    const silentMs = this.#clock.nowMs() - lastActivityMs
    if (silentMs >= SILENCE_MS) return connection.expireSession()
    const decide = () => {
      this.#watched.delete(sessionId)
      try {
        if (connection.lastActivityMs() === lastActivityMs && !this.#isUp(sessionId)) connection.expireSession()
      } catch (error) {
        // A timer has nobody above it who would catch it: it would end the server.
        this.#log.error({ err: error, session: sessionId }, 'a vanished client could not be ended: this is a bug')
      }
    }
    this.#watched.set(sessionId, this.#clock.after(SILENCE_MS - silentMs, decide))
  }

  close(): void {
    for (const sessionId of [...this.#watched.keys()]) this.#forget(sessionId)
    this.#sessions.clear()
  }

  #isUp(sessionId: number): boolean {
    for (const connection of this.#sessions.get(sessionId) ?? []) if (connection.up) return true
    return false
  }

  #forget(sessionId: number): void {
    this.#watched.get(sessionId)?.()
    this.#watched.delete(sessionId)
  }
}
