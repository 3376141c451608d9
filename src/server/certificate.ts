/** The certificate of `--tls-cert` and `--tls-key`. */
import { createSecureContext } from 'node:tls'
import { ConfigError } from '../config/config-error.js'
import type { Config } from '../config/settings.js'
import { readFileOf } from './file-settings.js'

export interface Certificate {
  /** PEM, the whole chain. */
  readonly cert: Buffer
  /** PEM. */
  readonly key: Buffer
}

/**
 * @returns undefined when the listener is to speak without TLS
 * @throws ConfigError when a file cannot be read, or they are not a certificate and its key
 */
export function readCertificate({ tlsCert, tlsKey }: Config): Certificate | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  const certificate = { cert: readFileOf('--tls-cert', tlsCert), key: readFileOf('--tls-key', tlsKey) }
  try {
    createSecureContext(certificate)
  } catch (error) {
    throw new ConfigError(`--tls-cert, --tls-key: ${(error as Error).message.split('\n')[0]}`)
  }
  return certificate
}
