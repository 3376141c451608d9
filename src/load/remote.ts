/** What a client needs to know of a server's transport, out of a session description (RFC 8866, RFC 8839, RFC 8122). */
import { isIP } from 'node:net'

export interface RemoteTransport {
  ip: string
  port: number
  ufrag: string
  pwd: string
  /** The certificate's digest: 32, 48 or 64 bytes. */
  fingerprint: Uint8Array
  /** The server's DTLS role. */
  setup: 'active' | 'passive' | 'actpass'
}

const FINGERPRINT = /^a=fingerprint:sha-(?:256|384|512) ([0-9a-f]{2}(?::[0-9a-f]{2})*)\s*$/im
const CANDIDATE = /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gim

/**
 * Takes the first host candidate over UDP that has the family of `localIp` and that `mayReach` lets through.
 * @throws Error that says what is missing
 */
export function readRemote(
  sdp: string,
  localIp = '127.0.0.1',
  mayReach: (ip: string) => boolean = () => true,
): RemoteTransport {
  const value = (pattern: RegExp, what: string) => {
    const found = pattern.exec(sdp)?.[1]
    if (found === undefined) throw new Error(`the server's description has no ${what}`)
    return found
  }
  const all = [...sdp.matchAll(CANDIDATE)].map(([, ip = '', port]) => ({ ip, port: Number(port) }))
  const usable = all.filter(({ ip }) => isIP(ip) === isIP(localIp))
  const candidate = usable.find(({ ip }) => mayReach(ip))
  if (!candidate) {
    const [refused] = usable
    throw new Error(
      refused
        ? `the server wants media at ${refused.ip}, which is not allowed`
        : 'the server has no UDP host candidate',
    )
  }
  const fingerprint = value(FINGERPRINT, 'fingerprint')
  return {
    ...candidate,
    ufrag: value(/^a=ice-ufrag:(\S+)/m, 'ice-ufrag'),
    pwd: value(/^a=ice-pwd:(\S+)/m, 'ice-pwd'),
    fingerprint: Uint8Array.from(fingerprint.split(':'), (byte) => Number.parseInt(byte, 16)),
    setup: value(/^a=setup:(active|passive|actpass)/m, 'setup') as RemoteTransport['setup'],
  }
}
