/** What an admin request is: where it may be used, what it needs, and what it does. */
import type { StoredTokens } from '../auth/stored-tokens.js'
import type { Failure } from '../errors.js'
import type { FieldRule, JsonObject } from '../fields.js'
import type { Handle } from '../handle.js'
import type { Log } from '../log.js'
import type { Plugin } from '../plugin.js'
import type { Session } from '../session.js'

/** What operators may see and do of the gateway. */
export interface AdminCore {
  /** The `server_info`, without envelope. */
  serverInfo(): Record<string, unknown>
  readonly sessions: ReadonlyMap<number, Session>
  readonly plugins: ReadonlyMap<string, Plugin>
  readonly timeouts: { readonly sessionMs: number; readonly reclaimMs: number; readonly candidatesMs: number }
  /** Undefined when tokens are off, or signed and stored nowhere. */
  readonly storedTokens: StoredTokens | undefined
  readonly wantsToken: boolean
  /** The timeout of all sessions without one of their own; 0 = never. */
  setSessionTimeout(timeoutMs: number): void
  acceptNewSessions(accept: boolean): void
  /** Ends a session without a word. */
  destroySession(session: Session): void
  /** ms of the server's monotonic clock. */
  nowMs(): number
}

/** What operators may change of the media, in Janus' units. */
export interface MediaTuning {
  /** Seconds; 0 = never. */
  noMediaTimer: number
  /** Packets lost within a second; 0 = never. */
  slowlinkThreshold: number
}

/** What else of the server operators reach. */
export interface AdminServices {
  readonly core: AdminCore
  readonly log: Log
  /** The level of the log by its name, as pino has them; setting it takes effect at once. */
  readonly logLevel: { level: string }
  readonly media: { get(): MediaTuning; set(tuning: MediaTuning): void }
  /** Media workers, and how many PeerConnections each has. */
  workers(): Promise<readonly { id: number; handles: number }[]>
  /** Where captures go; undefined = none are allowed. */
  readonly captures: { readonly folder: string; readonly maxBytes: number } | undefined
  /** @returns an address. @throws when there is none */
  resolve(host: string): Promise<string>
  /** Hands an event of an operator to the event handlers. */
  customEvent(schema: string, data: JsonObject): void
}

export interface AdminContext {
  readonly services: AdminServices
  /** Envelope and fields checked. */
  readonly message: JsonObject
}

export interface AdminSessionContext extends AdminContext {
  readonly session: Session
}

export interface AdminHandleContext extends AdminSessionContext {
  readonly handle: Handle
}

/** Fields of a `success` (or of another kind of reply). Ids are added. */
export interface AdminSuccess {
  readonly janus?: string
  readonly fields?: JsonObject
}

export type AdminOutcome = AdminSuccess | Failure
type Answer = AdminOutcome | Promise<AdminOutcome>

/** `server`: without ids. `session`: with a session and no handle. `handle`: with both. */
export type AdminRequest = {
  readonly rules?: readonly FieldRule[]
  /** Needs no secret. */
  readonly open?: true
} & (
  | { readonly scope: 'server'; run(context: AdminContext): Answer }
  | { readonly scope: 'session'; run(context: AdminSessionContext): Answer }
  | { readonly scope: 'handle'; run(context: AdminHandleContext): Answer }
)

export type AdminRequests = Readonly<Record<string, AdminRequest>>
