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
