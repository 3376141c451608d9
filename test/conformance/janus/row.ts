/** One row of the conformance list: a behaviour of the Janus API with the test that shows it. */
import type { Stage } from './stage.js'

/** A server with these settings; `plain` has the defaults. */
export type Setting =
  | 'plain'
  /** Sessions time out soon (in tests of our own; elsewhere after what the server says). */
  | 'hasty'
  /** Sessions outlive their transport for a while. */
  | 'reclaim'
  /** Events carry the opaque id. */
  | 'opaque'
  /** Candidates of the server come in events. */
  | 'trickling'
  /** Requests need the API secret. */
  | 'secret'
  /** Requests need the API secret or a signed token. */
  | 'guarded'
  /** Requests need a token that an operator added. */
  | 'tokens'
  /** A row may keep it from taking sessions. */
  | 'draining'
  /** Operators may capture. */
  | 'capturing'
  /** Events are posted, in arrays. */
  | 'told'
  /** Events are posted one by one. */
  | 'told one by one'

/** What a server has to have for a row; `own` is a setting that nobody else's server is known to have. */
export type Need = 'sfu' | 'http' | 'admin' | 'timeout shorter than a poll' | 'own'

interface Behaviour {
  /** `J-001` … `J-130`. */
  readonly id: string
  readonly behaviour: string
}

/** A row that is run. */
export interface Run extends Behaviour {
  readonly on?: Setting
  readonly needs?: readonly Need[]
  run(stage: Stage): Promise<void>
}

/** A row that cannot be run anywhere, and why. */
export interface Reason extends Behaviour {
  readonly reason: string
}

export type Row = Run | Reason

/** A row finds on the way that somebody else's server lacks what it needs. The message says what. */
export class NotApplicable extends Error {}

export const isRun = (row: Row): row is Run => 'run' in row
