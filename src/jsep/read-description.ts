/**
 * Reads a client's offer or answer (RFC 8866, RFC 9429) and refuses everything that a connection could not be
 * built on, with the reason. What comes out has all a server needs, in range.
 */
import { parse, type SessionDescription } from 'sdp-transform'
import { type RemoteDescription, type RemoteMline, type Result, refuse } from './jsep.js'
import { readMline } from './read-mline.js'
import { readTransport, sameTransport, type Transport } from './read-transport.js'
import { quote, type Section, scanLines } from './sdp-lines.js'

/**
 * @param sdp text from the network, any length, any line ends
 * @returns the description, or one clear sentence for the client. Never throws.
 */
export function readDescription(sdp: string): Result<RemoteDescription> {
  const sections = scanLines(sdp)
  if (!sections.ok) return sections
  let parsed: Partial<SessionDescription>
  try {
    parsed = parse(sdp)
  } catch {
    return refuse('The SDP cannot be parsed')
  }
  const media = parsed.media ?? []
  if (!/^o=/m.test(sdp) || parsed.name === undefined || media.length === 0) {
    return refuse('Missing mandatory lines (o=, s= or m=)')
  }
  const origin = readOrigin(parsed, sdp)
  if (!origin.ok) return origin
  if (parsed.icelite !== undefined) return refuse('The SDP is of an ICE-lite agent; one with full ICE is needed')
  const mlines = readMlines(parsed, sections.value)
  if (!mlines.ok) return mlines
  const transport = readBundledTransport(parsed, mlines.value, sections.value)
  if (!transport.ok) return transport
  const conflict = idConflict(mlines.value) ?? ssrcConflict(mlines.value)
  if (conflict !== undefined) return refuse(conflict)
  const extmapAllowMixed = parsed.extmapAllowMixed !== undefined
  return {
    ok: true,
    value: { origin: origin.value, ...transport.value, extmapAllowMixed, mlines: mlines.value },
  }
}

/** RFC 8866 §5.2. Numbers stay text: they may have 64 bits. */
function readOrigin(parsed: Partial<SessionDescription>, sdp: string): Result<RemoteDescription['origin']> {
  const { username, sessionId, sessionVersion } = parsed.origin ?? {}
  const origin = { username: String(username), sessionId: String(sessionId), sessionVersion: String(sessionVersion) }
  const numbers = /^\d{1,20}$/.test(origin.sessionId) && /^\d{1,20}$/.test(origin.sessionVersion)
  if (parsed.origin === undefined || !numbers || !/^[\x21-\x7e]{1,64}$/.test(origin.username)) {
    return refuse(`Invalid o= line: ${quote(/^o=.*$/m.exec(sdp)?.[0] ?? '')}`)
  }
  return { ok: true, value: origin }
}

function readMlines(parsed: Partial<SessionDescription>, sections: readonly Section[]): Result<RemoteMline[]> {
  const media = parsed.media ?? []
  const bundles = (parsed.groups ?? []).filter(({ type }) => type === 'BUNDLE')
  const bundle = new Set(String(bundles[0]?.mids ?? '').split(' '))
  const mids = new Set(media.flatMap(({ mid }) => (mid === undefined ? [] : [String(mid)])))
  const mlines: RemoteMline[] = []
  const seen = new Set<string>()
  for (const [index, item] of media.entries()) {
    const mid = item.mid === undefined ? freeMid(index, mids) : String(item.mid)
    if (seen.has(mid)) return refuse(`The mid ${quote(mid)} is used by more than one m-line`)
    seen.add(mid)
    const mline = readMline(item, parsed, index, mid, bundle.has(mid), sections[index + 1]!)
    if (!mline.ok) return mline
    mlines.push(mline.value)
  }
  const enabled = mlines.filter(({ rejected }) => !rejected)
  if (enabled.length === 0) return refuse('Every m-line of the SDP is off (port 0)')
  if (enabled.length > 1 && !enabled.every(({ bundled }) => bundled)) {
    const missing = bundles.length === 0 ? 'there is none' : 'some are left out of the first one'
    return refuse(`All m-lines must be in one a=group:BUNDLE; ${missing}`)
  }
  return { ok: true, value: mlines }
}

/** A mid for an m-line that has none: its index, or the next number that is not taken. */
function freeMid(index: number, taken: Set<string>): string {
  let number = index
  while (taken.has(String(number))) number++
  taken.add(String(number))
  return String(number)
}

/** The transport of the first enabled m-line of the bundle; the others must not say something else. */
function readBundledTransport(
  parsed: Partial<SessionDescription>,
  mlines: readonly RemoteMline[],
  sections: readonly Section[],
): Result<Transport> {
  const bundles = (parsed.groups ?? []).filter(({ type }) => type === 'BUNDLE')
  const order = String(bundles[0]?.mids ?? '').split(' ')
  const first = order.find((mid) => mlines.some((mline) => mline.mid === mid && !mline.rejected))
  const counts = mlines.findIndex(({ mid, rejected }) => !rejected && (first === undefined || mid === first))
  const section = (index: number) => ({ ...parsed.media![index], ...sections[index + 1]! })
  const transport = readTransport({ ...parsed, ...sections[0]! }, section(counts), `m-line ${counts}`)
  if (!transport.ok) return transport
  for (const [index, { rejected }] of mlines.entries()) {
    if (rejected || sameTransport(transport.value, section(index))) continue
    return refuse(`M-line ${index} has other ICE credentials, fingerprint or setup than m-line ${counts}`)
  }
  return transport
}

/** RFC 8843 §9.2: in a bundle an extension id means the same on every m-line (it is read before the m-line is known). */
function idConflict(mlines: readonly RemoteMline[]): string | undefined {
  const uris = new Map<number, string>()
  for (const { uri, id } of mlines.flatMap(({ extensions }) => extensions)) {
    if ((uris.get(id) ?? uri) !== uri) return `The a=extmap id ${id} has different meanings on different m-lines`
    uris.set(id, uri)
  }
  return undefined
}

/** An SSRC that is sent on two m-lines would cross their streams. */
function ssrcConflict(mlines: readonly RemoteMline[]): string | undefined {
  const seen = new Set<number>()
  for (const { direction, ssrcs } of mlines) {
    if (direction !== 'sendrecv' && direction !== 'sendonly') continue
    for (const ssrc of ssrcs.flatMap((stream) => [stream.ssrc, stream.rtxSsrc ?? []].flat())) {
      if (seen.has(ssrc)) return `The SSRC ${ssrc} is used twice`
      seen.add(ssrc)
    }
  }
  return undefined
}
