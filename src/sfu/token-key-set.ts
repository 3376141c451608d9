/** The keys of a JWK Set behind a URL: fetched, remembered, and fetched again when they may have changed. */
import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  type ExportedJWKSCache,
  errors,
  type JWK,
  type JWKSCacheInput,
  type JWTHeaderParameters,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose'
import {
  curveAlgorithms,
  defaultRsaAlgorithms,
  edwardsAlgorithms,
  rsaAlgorithms,
  SMALLEST_RSA_BITS,
  type TokenKey,
} from './token-key.js'

/** No key can be had that would tell whether the token is good. */
export class KeysUnavailable extends Error {}

/** A token that names an unknown key has the set fetched again, so often at most. */
const COOLDOWN_MS = 30_000
/** As long as there never was a set, whoever comes has it fetched, but not more often than this. */
const RETRY_MS = 1_000
/** Older sets are fetched again: a key that was taken out of it is good no longer than this. */
const MAX_AGE_MS = 600_000
/** As long as the URL cannot be reached, known keys stay good for this long. */
const STALE_MS = 24 * 3600_000

/**
 * @param configured algorithms to take; when absent RS512 for RSA unless the key says otherwise, and what fits for others
 * @throws Error with one clear sentence for a URL that is not safe
 */
export function remoteKeys(url: URL, configured?: readonly string[]): TokenKey {
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new Error('a JWKS URL has to be https')
  }
  const set = new KeySet(url)
  const defaults = [...defaultRsaAlgorithms, ...Object.values(curveAlgorithms), ...edwardsAlgorithms]
  /** Without configuration an RSA key is for RS512, unless the key set says what else. */
  const isFor = ({ alg = '', kid: wanted }: JWTHeaderParameters) =>
    configured !== undefined ||
    defaults.includes(alg) ||
    set.keys.some((key) => key.alg === alg && (wanted ?? key.kid) === key.kid)
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      const key = await set.find(header, token)
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

class KeySet {
  readonly #remote: ReturnType<typeof createRemoteJWKSet>
  /** What was fetched last and when: jose writes it. */
  readonly #fetched: Partial<ExportedJWKSCache> = {}
  #failedMs = Number.NEGATIVE_INFINITY

  constructor(url: URL) {
    this.#remote = createRemoteJWKSet(url, {
      cooldownDuration: COOLDOWN_MS,
      // Age is looked at here: jose would rather have no keys than old ones.
      cacheMaxAge: Number.POSITIVE_INFINITY,
      [jwksCache]: this.#fetched as JWKSCacheInput,
    })
  }

  get keys(): readonly JWK[] {
    return this.#fetched.jwks?.keys ?? []
  }

  /** @throws an error of jose about the token, or whatever kept the set from being fetched */
  async find(...[header, token]: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> {
    if (this.#ageMs > MAX_AGE_MS) await this.#refresh()
    const { jwks } = this.#fetched
    if (!jwks) return this.#findFirst(header, token)
    // (jose asks the URL again for a key that it does not know.)
    if (this.#ageMs <= MAX_AGE_MS) return this.#remote(header, token)
    if (this.#ageMs > STALE_MS) throw new KeysUnavailable('the keys are too old, and cannot be fetched')
    try {
      return await createLocalJWKSet(jwks)(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw new KeysUnavailable('there may be newer keys')
      throw error
    }
  }

  /** With a set that was never fetched. */
  async #findFirst(...[header, token]: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> {
    if (Date.now() - this.#failedMs < RETRY_MS) throw new KeysUnavailable('the keys could not be fetched')
    try {
      return await this.#remote(header, token)
    } catch (error) {
      if (!this.#fetched.jwks) this.#failedMs = Date.now()
      throw error
    }
  }

  /** 0 as long as nothing was fetched. */
  get #ageMs(): number {
    return this.#fetched.uat === undefined ? 0 : Date.now() - this.#fetched.uat
  }

  async #refresh(): Promise<void> {
    if (Date.now() - this.#failedMs < COOLDOWN_MS) return
    try {
      await this.#remote.reload()
    } catch {
      this.#failedMs = Date.now()
    }
  }
}

/** jose would throw a TypeError for it, which stands for a bug of ours. */
export const isWeak = ({ algorithm }: CryptoKey) =>
  'modulusLength' in algorithm && Number(algorithm.modulusLength) < SMALLEST_RSA_BITS
