/**
 * What crosses the WebSocket, as far as this client reads or writes it: the envelope of the Janus API and the
 * messages of `janus.plugin.sfu`, whose types are the server's own.
 */

import type { Bodies, Replies } from '../../src/sfu/messages/index.js'

export type { Replies }

/** A session description as it stands in `jsep`. */
export interface Jsep {
  type: 'offer' | 'answer'
  sdp: string
}

/** Anything the server sends. Only `janus` is certain; the rest depends on its value. */
export interface JanusMessage {
  janus: string
  transaction?: string
  session_id?: number
  /** Handle id, on everything that belongs to one handle. */
  sender?: number
  data?: { id: number }
  plugindata?: { plugin: string; data: Record<string, unknown> }
  jsep?: Jsep
  error?: { code: number; reason: string }
  /** Why it came, in a `hangup`. */
  reason?: string
}

/** Kinds of messages of the plugin. */
export type MessageKind = keyof Bodies

/** What is sent with a kind. */
export type Body<K extends MessageKind> = Omit<Bodies[K], 'kind'>

/** What the plugin pushes to a joined connection. */
export type Notification =
  | { event: 'join' | 'leave'; user_id: string; room_id: string }
  | { event: 'blocked' | 'unblocked'; by: string }
  | { event: 'data'; body: string; from?: string }

/**
 * Reads one text frame.
 * @returns the message, or undefined for what is not a JSON object with a `janus` string
 */
export function readMessage(text: string): JanusMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || typeof (value as JanusMessage).janus !== 'string') return undefined
  return value as JanusMessage
}

/**
 * Reads `plugindata.data` of a pushed event.
 * @returns the notification, or undefined for anything else (also for kinds that this client does not know)
 */
export function readNotification(data: Record<string, unknown>): Notification | undefined {
  const { event, user_id, room_id, by, body, from } = data
  switch (event) {
    case 'join':
    case 'leave':
      return typeof user_id === 'string' && typeof room_id === 'string' ? { event, user_id, room_id } : undefined
    case 'blocked':
    case 'unblocked':
      return typeof by === 'string' ? { event, by } : undefined
    case 'data':
      if (typeof body !== 'string') return undefined
      return typeof from === 'string' ? { event, body, from } : { event, body }
    default:
      return undefined
  }
}
