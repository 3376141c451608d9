/**
 * Subscriptions that clients leave behind. Some clients close the PeerConnection of a subscription, or give up on it and try
 * again on another handle, and never detach the old one: a session would collect them until it has as many handles as it may
 * have. One that was neither used nor needed for `ABANDONED_MS` is detached.
 */
import type { Clock } from './clock.js'
import type { Log } from './log.js'

/** Much longer than a client that wants to go on with a handle needs: those that retry wait for seconds. */
export const ABANDONED_MS = 10 * 60_000

/** What is looked at in a connection. */
export interface Abandonable {
  /** It subscribed to media, has no PeerConnection, and its client asked for nothing else on it. */
  readonly idle: boolean
  /** It waits for a user who is there and may publish yet, or it is all that its user has in the room. */
  readonly needed: boolean
  /** Ends the connection, and tells the client. */
  expel(): void
}

export class Abandonment {
  readonly #clock: Clock
  readonly #log: Log
  /** Idle connections: calls off the decision. */
  readonly #idle = new Map<Abandonable, () => void>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** The client has used the connection, its PeerConnection has ended, or it is needed no more: its time begins anew. */
  used(connection: Abandonable): void {
    this.forget(connection)
    if (!connection.idle) return
    const decide = () => {
      this.#idle.delete(connection)
      try {
        if (connection.idle && !connection.needed) connection.expel()
        else this.used(connection)
      } catch (error) {
        // A timer has nobody above it who would catch it: it would end the server.
        this.#log.error({ err: error }, 'an abandoned connection could not be ended: this is a bug')
      }
    }
    this.#idle.set(connection, this.#clock.after(ABANDONED_MS, decide))
  }

  /** The client is using the connection, or it is gone. Twice is harmless. */
  forget(connection: Abandonable): void {
    this.#idle.get(connection)?.()
    this.#idle.delete(connection)
  }
}
