/**
 * Where an error comes from:
 * - `refused`: the plugin said no (`code` is its snake_case code, the message its sentence);
 * - `janus`: the Janus core said no (`code` is its number);
 * - `timeout`: no reply in time;
 * - `disconnected`: the socket, the session or the media connection ended;
 * - `removed`: the server ended our place in the room (a kick, or a newer connection of the same identity);
 * - `usage`: the call makes no sense now (not joined, message too large, …).
 */
export type RoomErrorKind = 'refused' | 'janus' | 'timeout' | 'disconnected' | 'removed' | 'usage'

/** Every error that the SDK rejects with or emits. `message` is a sentence that can be shown to people. */
export class RoomError extends Error {
  readonly kind: RoomErrorKind
  readonly code: string | number | undefined

  constructor(kind: RoomErrorKind, message: string, code?: string | number) {
    super(message)
    this.name = 'RoomError'
    this.kind = kind
    this.code = code
  }
}

/** Refusals that pass by themselves; any other stays one. */
const PASSING_REFUSALS: ReadonlySet<string | number | undefined> = new Set([
  'room_full',
  'server_full',
  'too_many_peer_connections',
  'too_many_listeners',
  'no_media_worker',
  'storage_failed',
  'keys_unavailable',
  'connection_closed',
])

/** @returns whether the same join may succeed later without anybody changing anything */
export function worthRetrying(error: RoomError): boolean {
  if (error.kind === 'refused') return PASSING_REFUSALS.has(error.code)
  return error.kind !== 'removed' && error.kind !== 'usage'
}

/** Makes a `RoomError` of whatever was thrown; browser errors count as `disconnected`. */
export function toRoomError(thrown: unknown): RoomError {
  if (thrown instanceof RoomError) return thrown
  return new RoomError('disconnected', thrown instanceof Error ? thrown.message : String(thrown))
}
