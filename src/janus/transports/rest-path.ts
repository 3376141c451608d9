import { isPositiveInteger, type JsonObject } from '../fields.js'

/** The server, a session, or a handle of one. */
export interface ApiPath {
  readonly kind: 'api'
  readonly sessionId: number | undefined
  readonly handleId: number | undefined
}

/** What a path below `/janus` stands for. */
export type RestPath =
  | ApiPath
  | { readonly kind: 'info' }
  | { readonly kind: 'ping' }
  /** Nothing that there could be. */
  | { readonly kind: 'none' }

const NONE: RestPath = { kind: 'none' }

/** @param below what follows the base path: empty, or with a slash in front */
export function readPath(below: string): RestPath {
  const parts = below.split('/').slice(1)
  if (parts.at(-1) === '') parts.pop()
  const [first, second] = parts
  if (parts.length > 2) return NONE
  if (parts.length === 1 && (first === 'info' || first === 'ping')) return { kind: first }
  const [sessionId, handleId] = [readId(first), readId(second)]
  return Number.isNaN(sessionId) || Number.isNaN(handleId) ? NONE : { kind: 'api', sessionId, handleId }
}

/** @returns an id from 1 to 2^53−1, undefined if there is none, NaN for anything else */
function readId(part: string | undefined): number | undefined {
  if (part === undefined) return undefined
  const id = /^\d{1,16}$/.test(part) ? Number(part) : 0
  return Number.isSafeInteger(id) && id > 0 ? id : Number.NaN
}

/**
 * The message with the ids of the path.
 * @returns what is in conflict, if the body has other ids
 */
export function withIds(message: JsonObject, path: ApiPath): JsonObject | 'session' | 'handle' {
  const { session_id: session, handle_id: handle } = message
  const differs = (inBody: unknown, inPath: number | undefined) =>
    inPath !== undefined && isPositiveInteger(inBody) && inBody > 0 && inBody !== inPath
  if (differs(session, path.sessionId)) return 'session'
  if (differs(handle, path.handleId)) return 'handle'
  return {
    ...message,
    ...(path.sessionId !== undefined && { session_id: path.sessionId }),
    ...(path.handleId !== undefined && { handle_id: path.handleId }),
  }
}
