/** What all our SDPs have in common: session lines, and the transport lines of each m-line. */
import { type MediaDescription, type SessionDescription, write } from 'sdp-transform'
import type { Candidate, ExtensionIds, ExtensionName } from '../media/control.js'
import { extensions } from './extensions.js'
import type { LocalTransport, RemoteDescription, Setup } from './jsep.js'

/** RFC 8841 §6: longest data-channel message that we take, in bytes. */
export const maxMessageSize = 262144
/** RFC 8841 §5: the only SCTP port in use inside of DTLS. */
export const sctpPort = 5000

export type Mline = MediaDescription

export interface SessionLines {
  origin: RemoteDescription['origin']
  local: LocalTransport
  /** Mids of the BUNDLE group, in order; undefined = no group line. */
  bundle: readonly string[] | undefined
  extmapAllowMixed: boolean
  mlines: readonly Mline[]
}

/** @returns the SDP text, lines ended by \r\n */
export function writeDescription({ origin, local, bundle, extmapAllowMixed, mlines }: SessionLines): string {
  const { ip, version } = connection(local)
  const session: SessionDescription = {
    version: 0,
    origin: { username: '-', sessionId: 0, sessionVersion: 0, netType: 'IN', ipVer: version, address: ip },
    name: '-',
    timing: { start: 0, stop: 0 },
    icelite: 'ice-lite',
    iceOptions: 'trickle',
    fingerprint: { type: local.fingerprint.algorithm, hash: local.fingerprint.value },
    msidSemantic: { semantic: 'WMS', token: '*' },
    media: mlines.map((mline) => ({ ...mline, connection: { version, ip } })),
  }
  if (bundle !== undefined) session.groups = [{ type: 'BUNDLE', mids: bundle.join(' ') }]
  if (extmapAllowMixed) session.extmapAllowMixed = 'extmap-allow-mixed'
  // The library would write the version as a double; 64-bit versions are copied exactly.
  const { username, sessionId, sessionVersion } = origin
  const line = `o=${username} ${sessionId} ${sessionVersion} IN IP${version} ${ip}`
  return write(session).replace(/^o=.*$/m, () => line)
}

/** Address of `c=` and `o=` lines: nobody connects to it, candidates count (RFC 8839 §4.2.1.1). */
function connection(local: LocalTransport): { version: 4 | 6; ip: string } {
  const ip = local.candidates[0]?.ip ?? '0.0.0.0'
  return { version: ip.includes(':') ? 6 : 4, ip }
}

export type TransportLines = Pick<Mline, 'iceUfrag' | 'icePwd' | 'setup' | 'candidates' | 'endOfCandidates'>

/** ICE, DTLS role and candidates; on every enabled m-line, as Janus does. */
export function transportLines(local: LocalTransport, setup: Setup): TransportLines {
  return {
    iceUfrag: local.ice.ufrag,
    icePwd: local.ice.pwd,
    setup,
    candidates: local.candidates.map(candidateLine),
    endOfCandidates: 'end-of-candidates',
  }
}

function candidateLine(candidate: Candidate): NonNullable<Mline['candidates']>[number] {
  const { foundation, component, protocol, priority, ip, port, tcpType } = candidate
  const line = { foundation, component, transport: protocol, priority, ip, port, type: 'host' }
  return tcpType === undefined ? line : { ...line, tcptype: tcpType }
}

/** An `a=rtcp-fb` line of a payload type. @param written as in `RemotePayloadType.feedback`, e.g. `nack pli` */
export function feedbackLine(payload: number, written: string): NonNullable<Mline['rtcpFb']>[number] {
  const [type = '', subtype] = written.split(' ')
  return subtype === undefined ? { payload, type } : { payload, type, subtype }
}

/** A data m-line (RFC 8841 §5), without its format. @param protocol e.g. `UDP/DTLS/SCTP` */
export function sctpMline(mid: string, protocol: string, transport: TransportLines): Omit<Mline, 'payloads'> {
  return {
    type: 'application',
    port: 9,
    protocol,
    rtp: [],
    fmtp: [],
    direction: 'sendrecv',
    mid,
    maxMessageSize,
    ...transport,
  }
}

/** What follows of a data m-line in the form of RFC 8841. */
export const sctpFormat = { payloads: 'webrtc-datachannel', sctpPort } as const

export function extensionLines(ids: ExtensionIds): NonNullable<Mline['ext']> {
  return Object.entries(ids).map(([name, value]) => ({ value, uri: extensions[name as ExtensionName].uri }))
}
