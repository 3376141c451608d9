/** Certificates for tests: self-signed X.509 v3 (RFC 5280) in DER, made with nothing but node:crypto. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** SHA-256 of the certificate, as `getPeerCertificate().fingerprint256` writes it. */
  readonly fingerprint256: string
}

/** One DER element: tag, length, contents. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), contents])
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts)
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const generalizedTime = (at: Date) => der(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))

const COMMON_NAME = objectId('550403')
const SUBJECT_ALT_NAME = objectId('551d11')
const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'))

const nameOf = (commonName: string) => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))))

/** A certificate for `localhost` and 127.0.0.1, valid for a day, with a key of its own. */
export function makeCertificate(commonName = 'rostra test'): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const day = 24 * 3600 * 1000
  const serial = Buffer.concat([Buffer.of(0x01), randomBytes(15)])
  const altNames = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1)))
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    nameOf(commonName),
    sequence(generalizedTime(new Date(Date.now() - day)), generalizedTime(new Date(Date.now() + day))),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(SUBJECT_ALT_NAME, der(0x04, altNames)))),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', tbs, privateKey))
  const certificate = sequence(tbs, ECDSA_WITH_SHA256, signature)
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  const hash = createHash('sha256').update(certificate).digest('hex').toUpperCase()
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint256: hash.replace(/..(?!$)/g, '$&:'),
  }
}
