/** Requests that go on to a part of the server: plugins, transports, event handlers, loggers. */
import { failure } from '../errors.js'
import type { FieldRule, JsonObject } from '../fields.js'
import type { AdminContext, AdminOutcome, AdminRequests } from './request.js'

const SCHEMA_MAX = 256

const named = (name: string): readonly FieldRule[] => [
  { name, type: 'a string', required: true },
  { name: 'request', type: 'an object' },
]

async function messagePlugin({ services, message }: AdminContext): Promise<AdminOutcome> {
  const plugin = services.core.plugins.get(message.plugin as string)
  if (!plugin) return failure('PLUGIN_NOT_FOUND', 'Invalid plugin')
  if (!plugin.admin) return failure('UNKNOWN', 'Plugin does not support Admin API messages')
  return { fields: { response: await plugin.admin((message.request as JsonObject | undefined) ?? {}) } }
}

/** Whether the `server_info` lists the part that a field names. */
const isListed = ({ services, message }: AdminContext, list: 'transports' | 'events', field: string) =>
  Object.hasOwn(services.core.serverInfo()[list] as object, message[field] as string)

/** A part that is there, and has nothing to be asked. */
function unasked(exists: boolean, kind: string): AdminOutcome {
  return exists
    ? failure('UNKNOWN', `${kind[0]!.toUpperCase()}${kind.slice(1)} does not support queries`)
    : failure('PLUGIN_NOT_FOUND', `Invalid ${kind}`)
}

function customEvent({ services, message }: AdminContext): AdminOutcome {
  services.customEvent((message.schema as string).slice(0, SCHEMA_MAX), message.data as JsonObject)
  return {}
}

export const partRequests = {
  message_plugin: { scope: 'server', rules: named('plugin'), run: messagePlugin },
  query_transport: {
    scope: 'server',
    rules: named('transport'),
    run: (context) => unasked(isListed(context, 'transports', 'transport'), 'transport'),
  },
  query_eventhandler: {
    scope: 'server',
    rules: named('handler'),
    run: (context) => unasked(isListed(context, 'events', 'handler'), 'event handler'),
  },
  /** There are none: the log is one. */
  query_logger: { scope: 'server', rules: named('logger'), run: () => unasked(false, 'logger') },
  custom_event: {
    scope: 'server',
    rules: [
      { name: 'schema', type: 'a string', required: true },
      { name: 'data', type: 'an object', required: true },
    ],
    run: customEvent,
  },
} satisfies AdminRequests
