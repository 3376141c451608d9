/** What a Janus request is to the gateway: where it may be used, and what it does. */
import type { ApiAuth, Credentials } from '../auth/api-auth.js'
import type { Connection, Owner } from '../connection.js'
import type { Failure } from '../errors.js'
import type { FieldRule, JsonObject } from '../fields.js'
import type { Handle, HandleIdentity } from '../handle.js'
import type { Plugin } from '../plugin.js'
import type { Session } from '../session.js'

/** What requests may do to the server. */
export interface Core {
  /** The `server_info`, without envelope. */
  serverInfo(): Record<string, unknown>
  readonly auth: ApiAuth
  /** @param id wished for by the client, 0 = any */
  createSession(id: number, credentials: Credentials, owner: Owner): Session | Failure
  claimSession(session: Session, owner: Owner): void
  /** Ends a session without a word. */
  destroySession(session: Session): void
  plugin(packageName: string): Plugin | undefined
  attach(session: Session, plugin: Plugin, identity: Omit<HandleIdentity, 'id'>): Handle | Failure
}

export interface Context {
  readonly core: Core
  readonly connection: Connection
  /** Envelope checked: `janus` and `transaction` are strings. */
  readonly message: JsonObject & { readonly janus: string; readonly transaction: string }
  /** Size of the request on the wire. */
  readonly bytes: number
}

export interface SessionContext extends Context {
  readonly session: Session
}

export interface HandleContext extends SessionContext {
  readonly handle: Handle
}

/** A reply as data. The gateway adds `session_id` and `transaction`, sends it, and only then calls `after`. */
export interface Success {
  readonly janus: string
  readonly fields?: Readonly<Record<string, unknown>>
  readonly after?: () => void
}

export type Outcome = Success | Failure

/**
 * `server`: only without ids. `session`: with a session and no handle. `session or handle`: a handle id is
 * checked, then ignored. `handle`: with both.
 */
export type Request = {
  /** Fields beside the envelope's, checked before `run`. */
  readonly rules?: readonly FieldRule[]
} & (
  | { readonly scope: 'server'; run(context: Context): Outcome }
  | { readonly scope: 'session' | 'session or handle'; run(context: SessionContext): Outcome }
  | { readonly scope: 'handle'; run(context: HandleContext): Outcome }
)
