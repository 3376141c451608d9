/** Token auth: signed JWTs (RFC 7519) say who may join which room, as whom, and who may kick. */
import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Auth, Grant } from './auth.js'
import { Refusal, refuse } from './errors.js'
import { idSchema } from './ids.js'
import { localKey, type TokenKey } from './token-key.js'
import { isWeak, KeysUnavailable, remoteKeys } from './token-key-set.js'

export interface TokenAuthOptions {
  /** PEM, DER or JWK of a public key, or the URL of a JWKS. */
  key: string | Uint8Array | URL
  /** JWS algorithms to take, out of those that fit the key; RS512 for RSA when absent. */
  algorithms?: readonly string[]
  /** `sub` says who the user is when there is no `user_id`; a token with neither is refused. */
  bindSub?: boolean
  /** Wall clock; the system's when absent. */
  now?: () => Date
}

/** How far the clocks of this machine and of whoever signs may be apart, in seconds; for `exp` and `nbf` (RFC 7519 §4.1.4). */
const CLOCK_TOLERANCE_S = 5
/** Longer ones are not looked at. */
const LONGEST_TOKEN = 16_384

const claimsSchema = z.object({
  join_hub: z.boolean().optional(),
  kick_users: z.boolean().optional(),
  /** Absent or null = all rooms. */
  room_ids: z.array(idSchema).nullish(),
  user_id: idSchema.optional(),
  sub: idSchema.optional(),
})
type Claims = z.output<typeof claimsSchema>

/** @throws Error with one clear sentence when the key cannot be used */
export function tokenAuth(options: TokenAuthOptions): Auth {
  const { algorithms } = options
  const key = options.key instanceof URL ? remoteKeys(options.key, algorithms) : localKey(options.key, algorithms)
  const now = options.now ?? (() => new Date())
  const identityOf = ({ user_id, sub }: Claims) => user_id ?? (options.bindSub ? sub : undefined)

  return {
    wantsToken: true,
    stranger: { hasIdentity: false, mayHearOf: () => false },

    async join(token, roomId, userId): Promise<Grant | Refusal> {
      if (!token) return refuse('anonymous_join')
      const claims = await verify(token, key, now())
      if (claims instanceof Refusal) return claims
      const identity = identityOf(claims)
      if (options.bindSub && identity === undefined) return refuse('token_claim_invalid')
      if (!claims.join_hub) return refuse('join_not_permitted')
      if (!allows(claims, roomId)) return refuse('room_not_permitted')
      if (identity !== undefined && identity !== userId) return refuse('identity_mismatch')
      return { hasIdentity: identity !== undefined, mayHearOf: (room) => allows(claims, room) }
    },

    async kick(token, roomId) {
      const claims = token ? await verify(token, key, now()) : refuse('kick_not_permitted')
      if (claims instanceof Refusal) return claims.code === 'keys_unavailable' ? claims : refuse('kick_not_permitted')
      return claims.kick_users && allows(claims, roomId) ? undefined : refuse('kick_not_permitted')
    },
  }
}

const allows = ({ room_ids }: Claims, roomId: string) => room_ids?.includes(roomId) ?? true

async function verify(token: string, key: TokenKey, currentDate: Date): Promise<Claims | Refusal> {
  if (token.length > LONGEST_TOKEN) return refuse('token_invalid')
  const { algorithms } = key
  try {
    const times = { currentDate, clockTolerance: CLOCK_TOLERANCE_S, requiredClaims: ['exp'] }
    const { payload } = await verifyWithAny(token, key, { algorithms, ...times })
    const claims = claimsSchema.safeParse(payload)
    return claims.success ? claims.data : refuse('token_claim_invalid')
  } catch (error) {
    return refusalOf(error)
  }
}

type Verified = Awaited<ReturnType<typeof jwtVerify>>

/** Several keys of a set may fit a token that names none: each gets its chance. */
async function verifyWithAny(
  token: string,
  { find }: TokenKey,
  options: Parameters<typeof jwtVerify>[2] & object,
): Promise<Verified> {
  try {
    return await jwtVerify(token, find, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const candidate of error) {
      if (isWeak(candidate)) continue
      try {
        return await jwtVerify(token, candidate, options)
      } catch (failed) {
        if (!(failed instanceof errors.JWSSignatureVerificationFailed)) throw failed
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof KeysUnavailable) return refuse('keys_unavailable')
  if (error instanceof errors.JWTExpired) return refuse('token_expired')
  if (error instanceof errors.JOSEAlgNotAllowed) return refuse('token_algorithm')
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refuse(
      error.claim === 'nbf' && error.reason === 'check_failed' ? 'token_not_yet_valid' : 'token_claim_invalid',
    )
  }
  if (error instanceof errors.JOSEError) return refuse('token_invalid')
  throw error
}
