/** The Janus API: requests in, replies and events out. Knows no plugin by name and no socket. */
import type { AdminCore } from './admin/request.js'
import { type ApiAuth, type Credentials, openApi } from './auth/api-auth.js'
import type { StoredTokens } from './auth/stored-tokens.js'
import { type Clock, systemClock } from './clock.js'
import type { Connection, Owner, ServerMessage } from './connection.js'
import { type Failure, failure, isFailure } from './errors.js'
import { type EventSink, noEvents } from './events/event-sink.js'
import { checkFields, type FieldRule, isInteger, isJsonObject } from './fields.js'
import { Handle, type HandleIdentity, type HandleSettings } from './handle.js'
import type { Malformed } from './json.js'
import type { Log } from './log.js'
import type { Plugin } from './plugin.js'
import { randomId } from './random-id.js'
import { Refusals } from './refusals.js'
import { requests } from './requests/index.js'
import type { Context, Core, Outcome, Request } from './requests/request.js'
import { type ServerFacts, serverInfo } from './server-info.js'
import type { Session } from './session.js'
import { freeId, type SessionLimits, Sessions } from './sessions.js'

export interface GatewayOptions {
  readonly plugins: readonly Plugin[]
  readonly facts: ServerFacts
  readonly log: Log
  /** Default: everybody may do everything. */
  readonly auth?: ApiAuth
  readonly clock?: Clock
  /** Is told what happens. Default: nobody. */
  readonly events?: EventSink
  /** Makes session and handle ids: integers 1 … 2^53−1. */
  readonly randomId?: () => number
  /** A session without requests for so long ends; 0 = never. Default 60,000. */
  readonly sessionTimeoutMs?: number
  /** A session that lost its transport waits for a claim so long after its last request; 0 = ends at once (default). */
  readonly reclaimTimeoutMs?: number
  /** Candidates older than this when the negotiation completes are dropped. Default 45,000. */
  readonly candidatesTimeoutMs?: number
  /** Events carry the `opaque_id` of their handle. Default false. */
  readonly opaqueIdInApi?: boolean
  /** Candidates of the server go out in `trickle` events and not in SDPs. Default false. */
  readonly fullTrickle?: boolean
  readonly limits?: Partial<GatewayLimits>
  /** Where it is counted that a limit was reached. */
  readonly refusals?: Refusals
}

/** Janus has none of these; they are far above what clients do. */
export interface GatewayLimits extends SessionLimits {
  /** In all sessions together. */
  readonly handles: number
  readonly handlesPerSession: number
  /** Requests that wait on one handle while its plugin is busy. */
  readonly waitingPerHandle: number
  /** Bytes of messages of one connection that wait. */
  readonly waitingBytesPerConnection: number
}

export type ChangeableLimits = Pick<GatewayLimits, 'sessions' | 'sessionsPerAccount' | 'handles' | 'handlesPerSession'>

const defaultLimits: GatewayLimits = {
  sessions: 200_000,
  sessionsPerAccount: 1024,
  handles: 100_000,
  handlesPerSession: 4096,
  waitingPerHandle: 512,
  waitingBytesPerConnection: 4 * 1024 * 1024,
}

export interface Gateway extends AdminCore {
  /**
   * Handles one request: sends exactly one reply through `connection.reply`, and returns it.
   * @param message a parsed JSON document @param bytes its size on the wire
   */
  handle(message: unknown, connection: Connection, bytes?: number): ServerMessage
  /** Replies to text that is not JSON. */
  malformed(where: Malformed, connection: Connection): ServerMessage
  /**
   * For transports whose clients come and fetch their events: counts as a sign of life.
   * @returns who has the events; a failure without credentials, without session, or when nobody owns it
   */
  fetch(sessionId: number, credentials: Credentials): Owner | Failure
  /** Who has the events of a session. */
  owner(sessionId: number): Owner | undefined
  /** The `server_info`, without envelope. */
  info(): Record<string, unknown>
  /** A transport lost this owner: its sessions end, or wait to be claimed. */
  disconnected(owner: Owner): void
  /** false: `create` is refused from now on (drain before a stop). */
  acceptNewSessions(accept: boolean): void
  /** Hold for what is asked for from now on; what there is already stays. */
  setLimits(limits: Partial<ChangeableLimits>): void
  live(): { sessions: number; handles: number }
  /** Takes no new sessions and ends all: whoever can still be told gets `timeout`. Twice is harmless. */
  close(): void
}

export function createGateway(options: GatewayOptions): Gateway {
  return new JanusGateway(options)
}

/** Fields of every request. */
export const envelope: readonly FieldRule[] = [
  { name: 'transaction', type: 'a string', required: true },
  { name: 'janus', type: 'a string', required: true },
  { name: 'id', type: 'a positive integer' },
]

class JanusGateway implements Gateway, Core {
  readonly plugins: ReadonlyMap<string, Plugin>
  readonly #facts: ServerFacts
  readonly #log: Log
  readonly auth: ApiAuth
  readonly #clock: Clock
  readonly #events: EventSink
  readonly #randomId: () => number
  #limits: GatewayLimits
  readonly #handleSettings: HandleSettings
  /** In all sessions. */
  #handles = 0
  readonly #sessions: Sessions
  readonly #refusals: Refusals
  #accepting = true
  #closed = false

  constructor(options: GatewayOptions) {
    const clock = options.clock ?? systemClock
    this.plugins = new Map(options.plugins.map((plugin) => [plugin.packageName, plugin]))
    this.#facts = options.facts
    this.#log = options.log
    this.auth = options.auth ?? openApi
    this.#clock = clock
    this.#events = options.events ?? noEvents
    this.#randomId = options.randomId ?? randomId
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#refusals = options.refusals ?? new Refusals()
    this.#sessions = new Sessions({
      clock,
      log: options.log,
      events: this.#events,
      refusals: this.#refusals,
      randomId: this.#randomId,
      timeoutMs: options.sessionTimeoutMs ?? 60_000,
      reclaimTimeoutMs: options.reclaimTimeoutMs ?? 0,
      limits: this.#limits,
    })
    this.#handleSettings = {
      log: options.log,
      events: this.#events,
      nowMs: () => clock.nowMs(),
      refusals: this.#refusals,
      candidatesTimeoutMs: options.candidatesTimeoutMs ?? 45_000,
      opaqueIdInApi: options.opaqueIdInApi ?? false,
      fullTrickle: options.fullTrickle ?? false,
      waitingPerHandle: this.#limits.waitingPerHandle,
      waitingBytesPerConnection: this.#limits.waitingBytesPerConnection,
      ended: () => this.#handles--,
    }
  }

  handle(message: unknown, connection: Connection, bytes = 0): ServerMessage {
    // An array has no transaction either: that is the error Janus gives.
    const object = isJsonObject(message) ? message : {}
    const sessionId = isInteger(object.session_id) ? object.session_id : 0
    const wrong = checkFields(object, envelope)
    if (wrong) return this.#reply(connection, sessionId, undefined, wrong)
    const context = { core: this, connection, message: object as Context['message'], bytes }
    const outcome = this.#run(context, sessionId)
    return this.#reply(connection, sessionId, context.message.transaction, outcome)
  }

  malformed({ line, column, problem }: Malformed, connection: Connection): ServerMessage {
    const reason = `Invalid Janus API request - <string>(${line},${column}): ${problem}`
    return this.#reply(connection, 0, undefined, failure('INVALID_JSON', reason))
  }

  fetch(sessionId: number, credentials: Credentials): Owner | Failure {
    if (!this.#admits(credentials)) return failure('UNAUTHORIZED')
    const owner = this.owner(sessionId)
    if (!owner) return failure('SESSION_NOT_FOUND', `No such session ${sessionId}`)
    this.#sessions.touch(sessionId)
    return owner
  }

  owner(sessionId: number): Owner | undefined {
    return this.#sessions.byId.get(sessionId)?.owner
  }

  #admits(credentials: Credentials): boolean {
    const admitted = this.auth.admits(credentials)
    if (!admitted) this.#refusals.count('unauthorized')
    return admitted
  }

  /** Finds session, handle and request, in the order of Janus: the order decides which error wins. */
  #run(context: Context, sessionId: number): Outcome {
    const { janus: name, handle_id: handleField } = context.message
    const request = requests.get(name.toLowerCase())
    const handleId = isInteger(handleField) ? handleField : 0
    const check = ({ rules = [] }: Request) => checkFields(context.message, rules)
    const unhandled = () => failure('INVALID_REQUEST_PATH', `Unhandled request '${name}' at this path`)
    if (sessionId === 0 && handleId === 0) {
      return request?.scope === 'server' ? (check(request) ?? request.run(context)) : unhandled()
    }
    if (sessionId < 1) return failure('SESSION_NOT_FOUND')
    const namesHandle = handleField !== undefined && handleField !== null
    if (namesHandle && handleId < 1) return failure('HANDLE_NOT_FOUND')
    if (!this.#admits(context.message)) return failure('UNAUTHORIZED')
    const session = this.#sessions.touch(sessionId)
    if (!session) return failure('SESSION_NOT_FOUND', `No such session ${sessionId}`)
    const handle = namesHandle ? session.handles.get(handleId) : undefined
    if (namesHandle && !handle) {
      return failure('HANDLE_NOT_FOUND', `No such handle ${handleId} in session ${sessionId}`)
    }
    if (!request || request.scope === 'server') return failure('UNKNOWN_REQUEST', `Unknown request '${name}'`)
    if (request.scope === 'handle') {
      return handle ? (check(request) ?? request.run({ ...context, session, handle })) : unhandled()
    }
    if (request.scope === 'session' && handle) return unhandled()
    return check(request) ?? request.run({ ...context, session })
  }

  #reply(connection: Connection, sessionId: number, transaction: string | undefined, outcome: Outcome): ServerMessage {
    const failed = isFailure(outcome)
    const named = (failed ? outcome.sessionId : undefined) ?? sessionId
    const reply = {
      janus: failed ? 'error' : outcome.janus,
      ...(named > 0 && { session_id: named }),
      ...(transaction !== undefined && { transaction }),
      ...(failed ? { error: outcome.error } : outcome.fields),
    }
    connection.reply(reply)
    if (!failed) outcome.after?.()
    return reply
  }

  info(): Record<string, unknown> {
    return this.serverInfo()
  }

  serverInfo(): Record<string, unknown> {
    return serverInfo(this.#facts, {
      accepting: this.#accepting,
      sessionTimeoutMs: this.#sessions.timeoutMs,
      reclaimTimeoutMs: this.#sessions.reclaimTimeoutMs,
      candidatesTimeoutMs: this.#handleSettings.candidatesTimeoutMs,
      opaqueIdInApi: this.#handleSettings.opaqueIdInApi,
      fullTrickle: this.#handleSettings.fullTrickle,
      secretWanted: this.auth.wants.secret,
      tokenWanted: this.auth.wants.token,
      plugins: this.plugins.values(),
    })
  }

  plugin(packageName: string): Plugin | undefined {
    return this.plugins.get(packageName)
  }

  createSession(wished: number, credentials: Credentials, owner: Owner): Session | Failure {
    if (!this.#accepting) return failure('NOT_ACCEPTING_SESSIONS')
    if (!this.#admits(credentials)) return failure('UNAUTHORIZED')
    return this.#sessions.create(wished, owner)
  }

  claimSession(session: Session, owner: Owner): void {
    this.#sessions.claim(session, owner)
  }

  destroySession(session: Session): void {
    this.#sessions.destroy(session)
  }

  attach(session: Session, plugin: Plugin, identity: Omit<HandleIdentity, 'id'>): Handle | Failure {
    if (session.handles.size >= this.#limits.handlesPerSession) {
      this.#refusals.count('handles')
      return failure('PLUGIN_ATTACH', "Couldn't attach to plugin: too many handles in this session")
    }
    if (this.#handles >= this.#limits.handles) {
      this.#refusals.count('handles_of_server')
      return failure('PLUGIN_ATTACH', "Couldn't attach to plugin: too many handles on this server")
    }
    const id = freeId(session.handles, this.#randomId)
    try {
      const handle = new Handle(plugin, session, { ...identity, id }, this.#handleSettings)
      session.handles.set(id, handle)
      this.#handles++
      this.#events.handleAttached(handle)
      return handle
    } catch (error) {
      const fields = { err: error, plugin: plugin.packageName, call: 'attach', session: session.id }
      this.#log.error(fields, 'a plugin threw: this is a bug')
      return failure('PLUGIN_ATTACH')
    }
  }

  disconnected(owner: Owner): void {
    this.#sessions.disconnected(owner)
  }

  acceptNewSessions(accept: boolean): void {
    this.#accepting = accept && !this.#closed
  }

  setLimits(limits: Partial<ChangeableLimits>): void {
    this.#limits = { ...this.#limits, ...limits }
    this.#sessions.limits = this.#limits
  }

  setSessionTimeout(timeoutMs: number): void {
    this.#sessions.timeoutMs = timeoutMs
  }

  get sessions(): ReadonlyMap<number, Session> {
    return this.#sessions.byId
  }

  get timeouts(): AdminCore['timeouts'] {
    const { candidatesTimeoutMs: candidatesMs } = this.#handleSettings
    return { sessionMs: this.#sessions.timeoutMs, reclaimMs: this.#sessions.reclaimTimeoutMs, candidatesMs }
  }

  get storedTokens(): StoredTokens | undefined {
    return this.auth.storedTokens
  }

  get wantsToken(): boolean {
    return this.auth.wants.token
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  live(): { sessions: number; handles: number } {
    let handles = 0
    for (const session of this.#sessions.byId.values()) handles += session.handles.size
    return { sessions: this.#sessions.byId.size, handles }
  }

  close(): void {
    this.#closed = true
    this.#accepting = false
    this.#sessions.close()
  }
}
