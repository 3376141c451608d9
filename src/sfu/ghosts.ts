/**
 * Clients that vanished without a word. When a connected peer connection falls silent (no more connectivity checks), its
 * whole session ends as soon as no request came from the client for `SILENCE_MS`, but not before the client had
 * `REVIVAL_MS` to restart ICE: others should not look at a frozen picture until the session times out. A client that still
 * has another peer connection up, or that says anything at all after that, is alive. When consent is lost as well, the question
 * is asked anew: what it said before that does not save it for good.
 */
import type { Clock } from './clock.js'
import type { Log } from './log.js'

/** No longer than a peer connection takes to count as silent: a vanished user is gone within 20 s. */
export const SILENCE_MS = 15_000
/**
 * From silence to the end of the session, at least. A browser notices that its peer connection has failed about when it counts as silent
 * here, and sends keepalives only every 25 to 30 s: most have sent no request for `SILENCE_MS` by then. With the 15 s that
 * silence takes these are 18 of the 20 s after which a vanished user has to be gone.
 */
export const REVIVAL_MS = 3_000

/** What is looked at in a connection. */
export interface Suspect {
  readonly sessionId: number
  /** It has a peer connection that is up, and is heard of there. */
  readonly up: boolean
  lastActivityMs(): number
  expireSession(): void
}

/** A session on probation. */
interface Watch {
  /** When its client last sent a request: a later one saves it. */
  readonly lastActivityMs: number
  /** Calls off the decision. */
  readonly cancel: () => void
}

export class Ghosts {
  readonly #clock: Clock
  readonly #log: Log
  readonly #sessions = new Map<number, Set<Suspect>>()
  readonly #watched = new Map<number, Watch>()

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

  /** Nothing is heard of it any more on a peer connection that had been up; an ICE restart would bring it back. */
  fellSilent(connection: Suspect): void {
    this.#suspect(connection, REVIVAL_MS)
  }

  /** A peer connection that had been up has ended, because nothing was heard of it on that. */
  lostConsent(connection: Suspect): void {
    this.#suspect(connection, 0)
  }

  close(): void {
    for (const sessionId of [...this.#watched.keys()]) this.#forget(sessionId)
    this.#sessions.clear()
  }

  /** @param atLeastMs until the session may end */
  #suspect(connection: Suspect, atLeastMs: number): void {
    const { sessionId } = connection
    if (this.#isUp(sessionId)) return
    const lastActivityMs = connection.lastActivityMs()
    // A watch that a request has called off in the meantime decides nothing any more: another takes its place.
    if (this.#watched.get(sessionId)?.lastActivityMs === lastActivityMs) return
    this.#forget(sessionId)
    const silentMs = this.#clock.nowMs() - lastActivityMs
    const waitMs = Math.max(atLeastMs, SILENCE_MS - silentMs)
    if (waitMs <= 0) return connection.expireSession()
    const decide = () => {
      this.#watched.delete(sessionId)
      // The one that fell silent may have been detached or kicked since, which ends nothing of the session's others.
      const [attached] = this.#sessions.get(sessionId) ?? []
      try {
        if (attached?.lastActivityMs() === lastActivityMs && !this.#isUp(sessionId)) attached.expireSession()
      } catch (error) {
        // A timer has nobody above it who would catch it: it would end the server.
        this.#log.error({ err: error, session: sessionId }, 'a vanished client could not be ended: this is a bug')
      }
    }
    this.#watched.set(sessionId, { lastActivityMs, cancel: this.#clock.after(waitMs, decide) })
  }

  #isUp(sessionId: number): boolean {
    for (const connection of this.#sessions.get(sessionId) ?? []) if (connection.up) return true
    return false
  }

  #forget(sessionId: number): void {
    this.#watched.get(sessionId)?.cancel()
    this.#watched.delete(sessionId)
  }
}
