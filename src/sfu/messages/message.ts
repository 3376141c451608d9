/** What every kind of message is made of. */
import type { z } from 'zod'
import type { Jsep } from '../../janus/plugin.js'
import type { Connection } from '../connection.js'
import type { Refusal } from '../errors.js'

export interface Outcome {
  /** `response` of the reply. */
  response: Record<string, unknown>
  jsep?: Jsep
}

/** A message that was looked into, and has changed nothing yet. */
export interface Plan {
  /** It asks for a user's media. */
  readonly subscribes?: boolean
  /** The room that it joins. */
  readonly room?: string
  /** The last check; `commit` follows without a gap. */
  check?(): Refusal | undefined
  /** Makes the change. A refusal means that nothing has changed after all. */
  commit(): Promise<Outcome | Refusal>
  /** Called instead of `commit`. */
  abandon?(): void
}

/** A kind of message answers for itself: what it looks like, and what it does. */
export interface Message<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  prepare(connection: Connection, body: z.output<Schema>): Promise<Plan | Refusal> | Plan | Refusal
}

/** A message of any kind, as a table holds it; its own schema has to read the body. */
export interface AnyMessage {
  readonly schema: z.ZodType
  prepare(connection: Connection, body: never): Promise<Plan | Refusal> | Plan | Refusal
}
