/**
 * What the core sees of a transport. A WebSocket is both of these at once; over REST a request is a connection
 * and the long-poll queue of its session is the owner.
 */

/** One JSON document towards a client. */
export type ServerMessage = Readonly<Record<string, unknown>> & { readonly janus: string }

/** Receives the events of the sessions that it created or claimed. */
export interface Owner {
  /** E.g. `janus.transport.websockets`. */
  readonly transport: string
  /** How many sessions one client may have is counted by this; compared as it is. */
  readonly account: unknown
  /** Key of the client's address, which what one address may take is counted by. */
  readonly address: string
  /** Names it among those of its transport while it lasts; event handlers are told. */
  readonly id: string
  event(message: ServerMessage): void
  /** A session is no longer this owner's: it ended, or another owner claimed it. */
  released(sessionId: number): void
}

/** Where a request came from. */
export interface Connection {
  /** Sessions that this connection creates or claims belong to it. */
  readonly owner: Owner
  /** Query of the URL of the connection. */
  readonly query: URLSearchParams
  /** Messages of this connection that wait for a plugin; the core counts here. */
  readonly waiting: { bytes: number }
  /** Sends the reply to a request: exactly one per request, before any event that the request causes. */
  reply(message: ServerMessage): void
}
