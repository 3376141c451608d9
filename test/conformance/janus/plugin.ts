/** How the rows talk to a plugin, so that most of them need not know which one it is. */
import type { Message } from '../../support/wire.js'

export interface Dialect {
  readonly name: string
  /** It is `janus.plugin.sfu`: rooms, subscribers, pushed events. */
  readonly sfu: boolean
  /** A body that is answered by an event and does no harm. */
  readonly harmless: object
  /** A body that the plugin refuses. */
  readonly refused: object
  /** Whether an event is a refusal. */
  isRefusal(message: Message): boolean
}

const sfu: Dialect = {
  name: 'janus.plugin.sfu',
  sfu: true,
  harmless: { kind: 'subscribe', notifications: false },
  refused: { kind: 'join', room_id: '' },
  isRefusal: ({ plugindata }) => plugindata?.data.success === false,
}

const echotest: Dialect = {
  name: 'janus.plugin.echotest',
  sfu: false,
  harmless: { audio: true },
  refused: { audio: 'loud' },
  isRefusal: ({ plugindata }) => plugindata?.data.error_code !== undefined,
}

const dialects = new Map([sfu, echotest].map((dialect) => [dialect.name, dialect]))

/** @throws Error when the rows do not know the plugin */
export function dialectOf(name: string): Dialect {
  const dialect = dialects.get(name)
  if (!dialect) throw new Error(`ROSTRA_PLUGIN: one of ${[...dialects.keys()].join(', ')}`)
  return dialect
}
