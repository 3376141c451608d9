import { failure, isFailure } from '../errors.js'
import type { Outcome, Request, SessionContext } from './request.js'

/** Longer ones are cut: they are only ever shown to people. */
const OPAQUE_ID_MAX = 1024

export const attach = {
  scope: 'session',
  rules: [
    { name: 'plugin', type: 'a string', required: true },
    { name: 'opaque_id', type: 'a string' },
    { name: 'loop_index', type: 'a positive integer' },
  ],
  run({ core, connection, message, session }: SessionContext): Outcome {
    const name = message.plugin as string
    const plugin = core.plugin(name)
    if (!plugin) return failure('PLUGIN_NOT_FOUND', `No such plugin '${name}'`)
    if (!core.auth.mayAttach(message, name)) {
      return failure('UNAUTHORIZED_PLUGIN', `Provided token can't access plugin '${name}'`)
    }
    const opaqueId = (message.opaque_id as string | undefined)?.slice(0, OPAQUE_ID_MAX)
    const token = core.auth.wants.token && typeof message.token === 'string' ? message.token : undefined
    const handle = core.attach(session, plugin, { opaqueId, token, query: connection.query })
    return isFailure(handle) ? handle : { janus: 'success', fields: { data: { id: handle.id } } }
  },
} satisfies Request
