import type { Connection, Owner } from '../connection.js'
import type { Malformed } from '../json.js'

/** What a WebSocket carries: the Janus API, or the admin API. Each message gets one reply through `connection.reply`. */
export interface MessageApi {
  /** @param message a parsed JSON document @param bytes its size on the wire */
  handle(message: unknown, connection: Connection, bytes: number): unknown
  /** Text that is not JSON. */
  malformed(where: Malformed, connection: Connection): unknown
  disconnected(owner: Owner): void
}
