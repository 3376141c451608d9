/**
 * Who may use the Janus API: `apisecret` and `token` of requests. Either is enough where both are wanted; `info` and
 * `ping` are always open. Not the tokens of a plugin's users, which are the plugin's own.
 */

import { sameText } from './same-text.js'
import { type SignedTokens, signedTokens } from './signed-tokens.js'
import { type StoredTokens, storedTokens } from './stored-tokens.js'

/** As they came, of any type: the fields `apisecret` and `token` of a request, or of a query. */
export interface Credentials {
  readonly apisecret?: unknown
  readonly token?: unknown
  readonly [otherField: string]: unknown
}

export interface ApiAuth {
  /** What `server_info` says. */
  readonly wants: { readonly secret: boolean; readonly token: boolean }
  /** What operators may change while the server runs; undefined when tokens are off, or signed and stored nowhere. */
  readonly storedTokens: StoredTokens | undefined
  /** @returns whether a request with these may go on */
  admits(credentials: Credentials): boolean
  /**
   * Whether a request that was admitted may attach to `plugin`. A token that is there is held against the plugin even if
   * the secret was right; with the secret and no token every plugin is allowed.
   */
  mayAttach(credentials: Credentials, plugin: string): boolean
}

/** Everybody may do everything. */
export const openApi: ApiAuth = {
  wants: { secret: false, token: false },
  storedTokens: undefined,
  admits: () => true,
  mayAttach: () => true,
}

export interface ApiAuthOptions {
  /** Wanted as `apisecret`. */
  readonly secret?: string | undefined
  /** Wanted as `token`: `stored` ones, or any that this secret signed. */
  readonly tokens?: 'stored' | { readonly signedWith: string; readonly nowSeconds?: () => number } | undefined
}

/** What both kinds of tokens can answer. */
type Tokens = Pick<StoredTokens, 'knows' | 'allows'> | SignedTokens

/** @returns `openApi` if neither is wanted */
export function apiAuth({ secret, tokens: kind }: ApiAuthOptions): ApiAuth {
  if (secret === undefined && kind === undefined) return openApi
  const stored = kind === 'stored' ? storedTokens() : undefined
  const tokens: Tokens | undefined =
    stored ?? (typeof kind === 'object' ? signedTokens(kind.signedWith, kind.nowSeconds) : undefined)
  return {
    wants: { secret: secret !== undefined, token: tokens !== undefined },
    storedTokens: stored,
    admits({ apisecret, token }) {
      const secretFits = secret !== undefined && typeof apisecret === 'string' && sameText(apisecret, secret)
      return secretFits || (typeof token === 'string' && tokens?.knows(token) === true)
    },
    mayAttach({ token }, plugin) {
      return tokens === undefined || typeof token !== 'string' || tokens.allows(token, plugin)
    },
  }
}
