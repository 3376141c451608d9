/** All sessions: who owns which, how many each client has, and when they end. */
import type { Clock } from './clock.js'
import type { Owner } from './connection.js'
import { type Failure, failure } from './errors.js'
import type { EventSink } from './events/event-sink.js'
import type { Log } from './log.js'
import type { Refusals } from './refusals.js'
import { Session } from './session.js'

export interface SessionLimits {
  readonly sessions: number
  /** For one socket; over REST for one address. */
  readonly sessionsPerAccount: number
}

export interface SessionsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly events: EventSink
  readonly refusals: Refusals
  /** Makes ids: integers 1 … 2^53−1. */
  readonly randomId: () => number
  /** A session without requests for so long ends; 0 = never. */
  readonly timeoutMs: number
  /** A session that lost its transport waits for a claim so long after its last request; 0 = ends at once. */
  readonly reclaimTimeoutMs: number
  readonly limits: SessionLimits
}

/** Janus looks for sessions that timed out so often. */
const SWEEP_MS = 2000

export class Sessions {
  readonly reclaimTimeoutMs: number
  /** The timeout of all sessions without one of their own; 0 = never. */
  timeoutMs: number
  limits: SessionLimits
  readonly #clock: Clock
  readonly #log: Log
  readonly #events: EventSink
  readonly #refusals: Refusals
  readonly #randomId: () => number
  readonly #byId = new Map<number, Session>()
  readonly #owned = new Map<Owner, Set<Session>>()
  /** How many sessions an account has. */
  readonly #taken = new Map<unknown, number>()
  #cancelSweep: (() => void) | undefined

  constructor(options: SessionsOptions) {
    this.#clock = options.clock
    this.#log = options.log
    this.#events = options.events
    this.#refusals = options.refusals
    this.#randomId = options.randomId
    this.timeoutMs = options.timeoutMs
    this.reclaimTimeoutMs = options.reclaimTimeoutMs
    this.limits = options.limits
  }

  get byId(): ReadonlyMap<number, Session> {
    return this.#byId
  }

  /** @returns the session, which has just given a sign of life */
  touch(id: number): Session | undefined {
    const session = this.#byId.get(id)
    session?.touch(this.#clock.nowMs())
    return session
  }

  /** @param wished an id of the client's choice, 0 = any */
  create(wished: number, owner: Owner): Session | Failure {
    if (this.#byId.has(wished)) return { ...failure('SESSION_CONFLICT'), sessionId: wished }
    if (this.#byId.size >= this.limits.sessions) {
      this.#refusals.count('sessions')
      return failure('NOT_ACCEPTING_SESSIONS', 'Too many sessions')
    }
    if ((this.#taken.get(owner.account) ?? 0) >= this.limits.sessionsPerAccount) {
      this.#refusals.count('sessions_of_client')
      return failure('NOT_ACCEPTING_SESSIONS', 'Too many sessions of this client')
    }
    const id = wished || freeId(this.#byId, this.#randomId)
    const session = new Session(id, owner, this.#clock.nowMs(), (session) => this.#expire(session))
    this.#byId.set(id, session)
    this.#give(session, owner)
    this.#events.sessionCreated(id, owner)
    this.#cancelSweep ??= this.#scheduleSweep()
    return session
  }

  claim(session: Session, owner: Owner): void {
    if (session.owner === owner) return
    this.#release(session)
    this.#give(session, owner)
  }

  /** Ends a session without a word. Twice is harmless. */
  destroy(session: Session): void {
    if (this.#end(session)) this.#events.sessionDestroyed(session.id)
  }

  /** A transport lost this owner: its sessions end, or wait to be claimed. */
  disconnected(owner: Owner): void {
    for (const session of [...(this.#owned.get(owner) ?? [])]) {
      if (this.reclaimTimeoutMs > 0) this.#release(session)
      else this.destroy(session)
    }
  }

  /** Ends all: whoever can still be told gets `timeout`. */
  close(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    for (const session of [...this.#byId.values()]) {
      session.event({ janus: 'timeout', session_id: session.id })
      this.destroy(session)
    }
  }

  /** Only `timeout` is sent: no `detached` and no `hangup` for the handles. */
  #expire(session: Session): void {
    if (this.#byId.get(session.id) !== session) return
    this.#log.info({ session: session.id }, 'session timed out')
    try {
      session.event({ janus: 'timeout', session_id: session.id })
      this.#events.sessionTimedOut(session.id)
    } finally {
      this.#end(session)
    }
  }

  /** @returns false when it has ended before */
  #end(session: Session): boolean {
    if (!this.#byId.delete(session.id)) return false
    this.#release(session)
    session.dispose()
    return true
  }

  #give(session: Session, owner: Owner): void {
    session.owner = owner
    const sessions = this.#owned.get(owner) ?? new Set()
    this.#owned.set(owner, sessions.add(session))
    this.#taken.set(owner.account, (this.#taken.get(owner.account) ?? 0) + 1)
  }

  #release(session: Session): void {
    const { owner } = session
    if (!owner) return
    const sessions = this.#owned.get(owner)
    sessions?.delete(session)
    if (sessions?.size === 0) this.#owned.delete(owner)
    const left = (this.#taken.get(owner.account) ?? 0) - 1
    if (left > 0) this.#taken.set(owner.account, left)
    else this.#taken.delete(owner.account)
    session.owner = undefined
    owner.released(session.id)
  }

  /** Runs only while there are sessions. Short timeouts are looked at more often. */
  #scheduleSweep(): () => void {
    const shortestMs = Math.min(this.timeoutMs || SWEEP_MS, this.reclaimTimeoutMs || SWEEP_MS)
    const delayMs = Math.min(SWEEP_MS, Math.max(50, shortestMs / 10))
    return this.#clock.after(delayMs, () => {
      const nowMs = this.#clock.nowMs()
      for (const session of [...this.#byId.values()]) {
        if (!session.isOverdue(nowMs, this.timeoutMs, this.reclaimTimeoutMs)) continue
        try {
          this.#expire(session)
        } catch (error) {
          // Nobody above a timer would catch it: it would end the server, and not one session.
          this.#log.error({ err: error, session: session.id }, 'a session could not be timed out: this is a bug')
        }
      }
      this.#cancelSweep = this.#byId.size > 0 ? this.#scheduleSweep() : undefined
    })
  }
}

/** @returns an id that is not taken */
export function freeId(taken: ReadonlyMap<number, unknown>, randomId: () => number): number {
  let id = randomId()
  while (taken.has(id)) id = randomId()
  return id
}
