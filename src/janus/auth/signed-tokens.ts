/**
 * Tokens that say themselves what they are good for: `<expiry>,janus[,<plugin>…]:<signature>`, expiry in Unix seconds,
 * the signature base64 of HMAC-SHA1 over everything before the colon. Nothing is stored.
 */
import { createHmac } from 'node:crypto'
import { sameText } from './same-text.js'

export interface SignedTokens {
  knows(token: string): boolean
  allows(token: string, plugin: string): boolean
}

const REALM = 'janus'
/** Longer ones are not looked at: hashing them would be work for nobody. */
const TOKEN_MAX = 4096

/** @param nowSeconds Unix time */
export function signedTokens(secret: string, nowSeconds = () => Date.now() / 1000): SignedTokens {
  /** @returns the plugins that a valid token names */
  const read = (token: string): readonly string[] | undefined => {
    if (token.length > TOKEN_MAX) return undefined
    const [data = '', signature, ...more] = token.split(':')
    if (signature === undefined || more.length > 0) return undefined
    const expected = createHmac('sha1', secret).update(data).digest('base64')
    if (!sameText(signature, expected)) return undefined
    const [expiry = '', realm, ...plugins] = data.split(',')
    const valid = /^\d{1,15}$/.test(expiry) && nowSeconds() <= Number(expiry) && realm === REALM
    return valid ? plugins : undefined
  }
  return {
    knows: (token) => read(token) !== undefined,
    allows: (token, plugin) => read(token)?.includes(plugin) ?? false,
  }
}
