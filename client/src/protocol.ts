/**
 * What crosses the WebSocket, as far as this client reads or writes it: the envelope of the Janus API and the
 * messages of `janus.plugin.sfu`.
 */

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
  /** Of a `hangup`. */
  reason?: string
}

/** What is subscribed to, in `join` and `subscribe`; an absent field stays as it is. */
export interface Subscription {
  notifications?: boolean
  data?: boolean
  /** The user whose audio and video is wanted. */
  media?: string
}

/** The plugin's messages: their bodies without `kind`, and what a successful reply's `response` holds. */
export interface Messages {
  join: {
    body: { room_id: string; user_id: string; subscribe?: Subscription; token?: string }
    response: { users: Record<string, string[]> }
  }
  subscribe: { body: Subscription; response: undefined }
  block: { body: { whom: string }; response: undefined }
  unblock: { body: { whom: string }; response: undefined }
  data: { body: { body: string; whom?: string }; response: undefined }
  kick: { body: { room_id: string; user_id: string; token: string }; response: undefined }
}

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
