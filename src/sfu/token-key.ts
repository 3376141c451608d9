/**
 * The keys that tokens are verified with, and which algorithms each may be used with. A token never chooses:
 * its `alg` has to be one that the key is for (RFC 8725 §3.1), so neither `none` nor a MAC made with the public
 * key as its secret gets anywhere.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type CryptoKey, createRemoteJWKSet, errors, type JWTHeaderParameters, type JWTVerifyGetKey } from 'jose'

export interface TokenKey {
  /** Every algorithm that some key of this source may be used with. */
  readonly algorithms: string[]
  /** Finds the key for a token. @throws KeysUnavailable, or an error of jose about the token */
  readonly find: JWTVerifyGetKey
}

/** The key set cannot be fetched. */
export class KeysUnavailable extends Error {}

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
/** As the original; others have to be configured, or named by the key itself. */
const defaultRsaAlgorithms = ['RS512']
const curveAlgorithms: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
const edwardsAlgorithms = ['EdDSA', 'Ed25519']
const SMALLEST_RSA_BITS = 2048

/**
 * @param key PEM (SPKI or PKCS#1) or DER of a public key, or the URL of a JWKS (RFC 7517)
 * @param algorithms which of the algorithms that fit the key's type to take; for RSA `RS512` when absent
 * @throws Error with one clear sentence when the key cannot be used
 */
export function readTokenKey(key: string | Uint8Array | URL, algorithms?: readonly string[]): TokenKey {
  return key instanceof URL ? remoteKeys(key, algorithms) : localKey(parsePublicKey(key), algorithms)
}

function localKey(key: KeyObject, configured: readonly string[] | undefined): TokenKey {
  const fitting = algorithmsFor(key)
  const unfit = configured?.find((algorithm) => !fitting.includes(algorithm))
  if (unfit !== undefined) throw new Error(`the algorithm ${unfit} does not fit the key (${fitting.join(', ')} would)`)
  const algorithms = configured ?? (key.asymmetricKeyType === 'rsa' ? defaultRsaAlgorithms : fitting)
  return { algorithms: [...algorithms], find: async () => key }
}

function parsePublicKey(source: string | Uint8Array): KeyObject {
  const bytes = Buffer.from(source)
  const text = bytes.toString('latin1')
  if (text.includes('PRIVATE KEY')) throw new Error('the key is a private key; a public key is needed')
  const attempts = text.includes('-----BEGIN')
    ? [() => createPublicKey(text)]
    : (['spki', 'pkcs1'] as const).map((type) => () => createPublicKey({ key: bytes, format: 'der', type }))
  for (const attempt of attempts) {
    try {
      return attempt()
    } catch {
      // The next form, or the sentence below.
    }
  }
  throw new Error('the key is no public key in PEM (SPKI, PKCS#1) or DER')
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

function remoteKeys(url: URL, configured: readonly string[] | undefined): TokenKey {
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new Error('a JWKS URL has to be https')
  }
  const remote = createRemoteJWKSet(url)
  const defaults = [...defaultRsaAlgorithms, ...Object.values(curveAlgorithms), ...edwardsAlgorithms]
  /** Without configuration an RSA key is for RS512, unless the key set says what else. */
  const isFor = ({ alg = '', kid: wanted }: JWTHeaderParameters) =>
    configured !== undefined ||
    defaults.includes(alg) ||
    (remote.jwks()?.keys.some((key) => key.alg === alg && (wanted ?? key.kid) === key.kid) ?? false)
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      const key = await remote(header, token)
      if (isWeak(key)) throw new KeysUnavailable(`an RSA key of the set has less than ${SMALLEST_RSA_BITS} bits`)
      if (isFor(header)) return key
    } catch (error) {
      if (error instanceof errors.JOSENotSupported) throw new errors.JOSEAlgNotAllowed('no key is for that algorithm')
      if (error instanceof errors.JWKSNoMatchingKey) throw error
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw new KeysUnavailable((error as Error).message)
      if (isFor(header)) throw error
    }
    throw new errors.JOSEAlgNotAllowed('the key is not for that algorithm')
  }
  return { algorithms: [...(configured ?? new Set([...defaults, ...rsaAlgorithms]))], find }
}

/** jose would throw a TypeError for it, which stands for a bug of ours. */
const isWeak = ({ algorithm }: CryptoKey) =>
  'modulusLength' in algorithm && Number(algorithm.modulusLength) < SMALLEST_RSA_BITS
