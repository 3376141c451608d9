/**
 * The transport part of an SDP: ICE credentials (RFC 8839 §5.4), certificate fingerprint (RFC 8122 §5) and
 * DTLS role (RFC 5763 §5). Each may stand at session level or in an m-line, where it overrides the session's.
 */
import type { Fingerprint, IceCredentials } from '../media/control.js'
import { type Result, refuse, type Setup } from './jsep.js'
import { quote, type Section } from './sdp-lines.js'

/** As sdp-transform reads one section; numbers come from values that look like one. */
export interface TransportLines {
  iceUfrag?: unknown
  icePwd?: unknown
  setup?: unknown
}

export interface Transport {
  ice: IceCredentials
  fingerprint: Fingerprint
  setup: Setup
}

const digestBytes: Readonly<Record<Fingerprint['algorithm'], number>> = {
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
}

const isSupported = (algorithm: string): algorithm is Fingerprint['algorithm'] => Object.hasOwn(digestBytes, algorithm)

/** Reads the transport of one m-line. `where` names it in reasons, e.g. `m-line 0`. */
export function readTransport(
  session: TransportLines & Section,
  mline: TransportLines & Section,
  where: string,
): Result<Transport> {
  const ice = readIce(mline.iceUfrag ?? session.iceUfrag, mline.icePwd ?? session.icePwd, where)
  if (!ice.ok) return ice
  const lines = mline.fingerprints.length > 0 ? mline.fingerprints : session.fingerprints
  const fingerprint = readFingerprint(lines, where)
  if (!fingerprint.ok) return fingerprint
  const setup = mline.setup ?? session.setup
  if (setup === undefined) return refuse(`The SDP has no a=setup for ${where}`)
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') {
    return refuse(`The SDP has a=setup:${quote(setup)} for ${where}; actpass, active or passive is needed`)
  }
  return { ok: true, value: { ice: ice.value, fingerprint: fingerprint.value, setup } }
}

function readIce(ufrag: unknown, pwd: unknown, where: string): Result<IceCredentials> {
  if (ufrag === undefined) return refuse(`The SDP has no a=ice-ufrag for ${where}`)
  if (pwd === undefined) return refuse(`The SDP has no a=ice-pwd for ${where}`)
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(String(ufrag))) {
    return refuse(`The a=ice-ufrag of ${where} is not 4 to 256 letters, digits, + and /`)
  }
  if (!/^[A-Za-z0-9+/]{22,256}$/.test(String(pwd))) {
    return refuse(`The a=ice-pwd of ${where} is not 22 to 256 letters, digits, + and /`)
  }
  return { ok: true, value: { ufrag: String(ufrag), pwd: String(pwd) } }
}

/** The certificate's fingerprint: of several, the first one with a strong hash counts; all must be well-formed. */
function readFingerprint(lines: readonly string[], where: string): Result<Fingerprint> {
  if (lines.length === 0) return refuse(`The SDP has no a=fingerprint for ${where}`)
  let usable: Fingerprint | undefined
  for (const line of lines) {
    if (line === '') return refuse(`The a=fingerprint of ${where} is empty`)
    const [, name, digits] = /^(\S+) +((?:[0-9A-Fa-f]{2}:)*[0-9A-Fa-f]{2})$/.exec(line) ?? []
    if (name === undefined || digits === undefined) {
      return refuse(`The a=fingerprint of ${where} is malformed: ${quote(line)}`)
    }
    const algorithm = name.toLowerCase()
    if (!isSupported(algorithm)) continue
    if ((digits.length + 1) / 3 !== digestBytes[algorithm]) {
      return refuse(`The a=fingerprint of ${where} has not the ${digestBytes[algorithm]} bytes of ${algorithm}`)
    }
    usable ??= { algorithm, value: digits.toUpperCase() }
  }
  if (usable !== undefined) return { ok: true, value: usable }
  const given = quote(lines[0]!.split(' ')[0])
  return refuse(`The a=fingerprint of ${where} uses ${given}; sha-256, sha-384 or sha-512 is needed`)
}

/**
 * Whether another m-line of the same bundle agrees with the one that counts (the first): bundled m-lines share
 * one transport, and may leave these attributes out (RFC 8843 §7.1.3).
 */
export function sameTransport(counts: Transport, other: TransportLines & Section): boolean {
  if (other.iceUfrag !== undefined && String(other.iceUfrag) !== counts.ice.ufrag) return false
  if (other.icePwd !== undefined && String(other.icePwd) !== counts.ice.pwd) return false
  if (other.setup !== undefined && other.setup !== counts.setup) return false
  if (other.fingerprints.length === 0) return true
  const wanted = `${counts.fingerprint.algorithm} ${counts.fingerprint.value}`.toLowerCase()
  return other.fingerprints.some((line) => line.toLowerCase().replace(/ +/, ' ') === wanted)
}
