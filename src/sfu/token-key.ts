/**
 * The keys that tokens are verified with, and which algorithms each may be used with. A token never chooses:
 * its `alg` has to be one that the key is for (RFC 8725 §3.1), so neither `none` nor a MAC made with the public
 * key as its secret gets anywhere.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { JWTVerifyGetKey } from 'jose'

export interface TokenKey {
  /** Every algorithm that some key of this source may be used with. */
  readonly algorithms: string[]
  /** Finds the key for a token. @throws KeysUnavailable, or an error of jose about the token */
  readonly find: JWTVerifyGetKey
}

export const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
/** As the original; others have to be configured, or named by the key itself. */
export const defaultRsaAlgorithms = ['RS512']
export const curveAlgorithms: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
export const edwardsAlgorithms = ['EdDSA', 'Ed25519']
export const SMALLEST_RSA_BITS = 2048

/**
 * @param source PEM (SPKI or PKCS#1), DER or JWK (RFC 7517) of a public key
 * @param configured which of the algorithms that fit the key's type to take; when absent the one that a JWK names,
 *   otherwise RS512 for RSA and what fits for others
 * @throws Error with one clear sentence when the key cannot be used
 */
export function localKey(source: string | Uint8Array, configured?: readonly string[]): TokenKey {
  const { key, alg } = parsePublicKey(Buffer.from(source))
  const fitting = algorithmsFor(key)
  const wished = configured ?? (alg === undefined ? undefined : [alg])
  const unfit = wished?.find((algorithm) => !fitting.includes(algorithm))
  if (unfit !== undefined) throw new Error(`the algorithm ${unfit} does not fit the key (${fitting.join(', ')} would)`)
  const algorithms = wished ?? (key.asymmetricKeyType === 'rsa' ? defaultRsaAlgorithms : fitting)
  return { algorithms: [...algorithms], find: async () => key }
}

function parsePublicKey(bytes: Buffer): { key: KeyObject; alg?: string } {
  const text = bytes.toString('latin1')
  if (text.includes('PRIVATE KEY')) throw new Error('the key is a private key; a public key is needed')
  if (text.trimStart().startsWith('{')) return parseJwk(bytes.toString())
  const attempts = text.includes('-----BEGIN')
    ? [() => createPublicKey(text)]
    : (['spki', 'pkcs1'] as const).map((type) => () => createPublicKey({ key: bytes, format: 'der', type }))
  for (const attempt of attempts) {
    try {
      return { key: attempt() }
    } catch {
      // The next form, or the sentence below.
    }
  }
  throw new Error('the key is no public key in PEM (SPKI, PKCS#1), DER or JWK')
}

function parseJwk(text: string): { key: KeyObject; alg?: string } {
  let jwk: JsonWebKey & { alg?: unknown; keys?: unknown }
  try {
    jwk = JSON.parse(text)
  } catch {
    throw new Error('the key is neither JSON nor another form of key')
  }
  if (jwk.keys !== undefined) throw new Error('the file is a set of keys; give the URL of a set, or a file of one key')
  if (jwk.d !== undefined || jwk.kty === 'oct') throw new Error('the JWK is not public; a public key is needed')
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw new Error('the JWK is no public key')
  }
  return { key, ...(typeof jwk.alg === 'string' && { alg: jwk.alg }) }
}

function algorithmsFor({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string[] {
  if (type === 'ed25519') return edwardsAlgorithms
  if (type === 'rsa') {
    if ((details?.modulusLength ?? 0) >= SMALLEST_RSA_BITS) return rsaAlgorithms
    throw new Error(`the RSA key has less than ${SMALLEST_RSA_BITS} bits`)
  }
  const algorithm = type === 'ec' ? curveAlgorithms[details?.namedCurve ?? ''] : undefined
  if (algorithm === undefined) throw new Error(`keys of type ${details?.namedCurve ?? type} cannot be used`)
  return [algorithm]
}
