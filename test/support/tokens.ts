/** Keys and tokens as an application makes them. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'

export interface Issuer {
  /** PEM file of the public key. */
  readonly file: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  /** A token that is good for 5 minutes, unless the claims say otherwise. */
  sign(claims?: JWTPayload, alg?: string): Promise<string>
  signWithoutExpiry(claims: JWTPayload): Promise<string>
  /** Another key, in the same file. */
  renew(): Issuer
}

/** An issuer with an RSA key in a file that is gone when the test ends. */
export function openIssuer(t: TestContext): Issuer {
  const folder = mkdtempSync(join(tmpdir(), 'rostra-tokens-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return issuerOf(join(folder, 'public.pem'))
}

function issuerOf(file: string): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }))
  const sign = (claims: JWTPayload, alg: string) => new SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey)
  return {
    file,
    publicKey,
    privateKey,
    sign: (claims = { join_hub: true }, alg = 'RS512') =>
      sign({ exp: Math.floor(Date.now() / 1000) + 300, ...claims }, alg),
    signWithoutExpiry: (claims) => sign(claims, 'RS512'),
    renew: () => issuerOf(file),
  }
}
