/** What may change between two descriptions of one peer connection, and what not. */
import type { DtlsParameters, IceCredentials } from '../media/control.js'
import type { RemoteDescription } from './jsep.js'
import { quote } from './sdp-lines.js'

/** An ICE restart of the peer (RFC 8839 §5.4): either value changed. */
export function iceChanged(previous: IceCredentials, next: IceCredentials): boolean {
  return previous.ufrag !== next.ufrag || previous.pwd !== next.pwd
}

/**
 * Why `next` cannot follow `previous` on the same connection; undefined when it can.
 *
 * @param role our DTLS role on that connection
 * @returns one clear sentence for the client
 */
export function renegotiationProblem(
  previous: RemoteDescription,
  next: RemoteDescription,
  role: DtlsParameters['role'],
): string | undefined {
  return transportProblem(previous, next, role) ?? mlineProblem(previous, next) ?? extensionProblem(previous, next)
}

/** Another certificate or role means another DTLS association (RFC 8842 §4): a client gets that with a new connection. */
function transportProblem(
  previous: RemoteDescription,
  next: RemoteDescription,
  role: DtlsParameters['role'],
): string | undefined {
  const { algorithm, value } = next.fingerprint
  if (algorithm === previous.fingerprint.algorithm && value !== previous.fingerprint.value) {
    return 'The fingerprint changed; hang up first to connect with another certificate'
  }
  if (next.setup === (role === 'client' ? 'active' : 'passive')) {
    return `The SDP has a=setup:${next.setup}, which would turn the DTLS roles around`
  }
  return undefined
}

/** RFC 3264 §8: m-lines keep their places; only one that was off may be given to something else. */
function mlineProblem(previous: RemoteDescription, next: RemoteDescription): string | undefined {
  if (next.mlines.length < previous.mlines.length) {
    return `The SDP has ${next.mlines.length} m-lines, fewer than the ${previous.mlines.length} before`
  }
  for (const [index, before] of previous.mlines.entries()) {
    const after = next.mlines[index]!
    if (before.rejected || (after.mid === before.mid && after.type === before.type)) continue
    return `M-line ${index} was ${before.type} with another mid or type before`
  }
  return undefined
}

/** RFC 8285 §5: an id keeps its meaning, and on its m-line an extension its id, as long as the connection lives. */
function extensionProblem(previous: RemoteDescription, next: RemoteDescription): string | undefined {
  const uris = new Map(previous.mlines.flatMap(({ extensions }) => extensions.map(({ id, uri }) => [id, uri] as const)))
  for (const { id, uri } of next.mlines.flatMap(({ extensions }) => extensions)) {
    if ((uris.get(id) ?? uri) !== uri) return `The a=extmap id ${id} had another meaning before`
  }
  for (const [index, { mid, extensions }] of next.mlines.entries()) {
    const before = previous.mlines[index]
    if (before?.mid !== mid) continue
    // A URI may have several ids (RFC 8285 §6 allows more than one while it is being negotiated): one has to stay.
    for (const { uri } of extensions) {
      const ids = before.extensions.filter((extension) => extension.uri === uri).map(({ id }) => id)
      if (ids.length === 0 || extensions.some((extension) => extension.uri === uri && ids.includes(extension.id)))
        continue
      return `The extension ${quote(uri)} has another a=extmap id on m-line ${index} than before`
    }
  }
  return undefined
}
