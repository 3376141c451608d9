/** What an operator may ask of the plugin (`message_plugin`): what each message looks like, and what it does. */
import type { z } from 'zod'
import type { Refusal } from '../errors.js'
import type { Services } from '../services.js'

export interface AdminMessage<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  /** @returns `response` */
  run(services: Services, body: z.output<Schema>): Response | Promise<Response>
}

type Response = Record<string, unknown> | Refusal

/** A message of any kind, as a table holds it; its own schema has to read the body. */
export interface AnyAdminMessage {
  readonly schema: z.ZodType
  run(services: Services, body: never): Response | Promise<Response>
}
