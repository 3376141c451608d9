import { isFailure } from '../errors.js'
import type { Context, Outcome, Request } from './request.js'

/** `id` was checked with the envelope, as in Janus: it is an integer ≥ 0 if present. */
export const create = {
  scope: 'server',
  run({ core, connection, message }: Context): Outcome {
    const session = core.createSession(Number(message.id ?? 0), message, connection.owner)
    return isFailure(session) ? session : { janus: 'success', fields: { data: { id: session.id } } }
  },
} satisfies Request
