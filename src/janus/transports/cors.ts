/** Which pages may use the server: CORS headers, and refusing pages of other origins. */
import type { IncomingHttpHeaders } from 'node:http'

export interface CorsOptions {
  /** `Access-Control-Allow-Origin`: `*`, or one origin like `https://example.com`. */
  readonly allowOrigin: string
  /** Requests of pages of other origins are refused, not only hidden from them. */
  readonly enforce: boolean
}

export const anyOrigin: CorsOptions = { allowOrigin: '*', enforce: false }

/** The headers of Janus, for every reply. */
export function corsHeaders(headers: IncomingHttpHeaders, { allowOrigin }: CorsOptions): Record<string, string> {
  const method = headers['access-control-request-method']
  const names = headers['access-control-request-headers']
  return {
    'access-control-allow-origin': allowOrigin,
    ...(allowOrigin !== '*' && { 'access-control-allow-credentials': 'true', vary: 'Origin' }),
    'access-control-max-age': '86400',
    ...(method !== undefined && { 'access-control-allow-methods': method }),
    ...(names !== undefined && { 'access-control-allow-headers': names }),
  }
}

/**
 * Whether a request may be answered at all. Where only some origins are allowed, `Origin` counts, else `Referer`. A
 * request without either does not come from a page of somebody else. The whole origin is compared, not its start:
 * `https://example.com.evil.example` starts like `https://example.com`.
 */
export function originAllowed(headers: IncomingHttpHeaders, { allowOrigin, enforce }: CorsOptions): boolean {
  if (!enforce || allowOrigin === '*') return true
  const { origin, referer } = headers
  if (origin !== undefined) return origin === allowOrigin
  return referer === undefined || (URL.canParse(referer) && new URL(referer).origin === allowOrigin)
}
