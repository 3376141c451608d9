/** What may change between two descriptions of one peer connection, and what not. */
import type { DtlsParameters, IceCredentials } from '../media/control.js'
import type { RemoteDescription, RemoteMline } from './jsep.js'
import { quote } from './sdp-lines.js'

/** An ICE restart of the peer (RFC 8839 §5.4): either value changed. */
export function iceChanged(previous: IceCredentials, next: IceCredentials): boolean {
  return previous.ufrag !== next.ufrag || previous.pwd !== next.pwd
}

/**
 * Why `next` cannot follow `previous` on the same connection; undefined when it can.
 *
 * @param role our DTLS role on that connection
 * @param declined positions of m-lines that our answer to `previous` declined
 * @returns one clear sentence for the client
 */
export function renegotiationProblem(
  previous: RemoteDescription,
  next: RemoteDescription,
  role: DtlsParameters['role'],
  declined: readonly number[] = [],
): string | undefined {
  const before = previous.mlines.map((mline, position) =>
    mline.rejected || declined.includes(position) ? undefined : mline,
  )
  return (
    transportProblem(previous, next, role) ?? mlineProblem(before, next.mlines) ?? extensionProblem(before, next.mlines)
  )
}

/** M-lines by position; undefined for one that was off, be it in the offer or in the answer. */
type Before = readonly (RemoteMline | undefined)[]

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

/**
 * RFC 3264 §8: m-lines keep their places. One that was off may be given to something else: browsers stop the transceiver
 * of an m-line that the answer declined, and the next one takes the place with a mid of its own (RFC 9429 §5.2.2).
 */
function mlineProblem(before: Before, next: readonly RemoteMline[]): string | undefined {
  if (next.length < before.length) {
    return `The SDP has ${next.length} m-lines, fewer than the ${before.length} before`
  }
  for (const [index, mline] of before.entries()) {
    const after = next[index]!
    if (!mline || (after.mid === mline.mid && after.type === mline.type)) continue
    return `M-line ${index} was ${mline.type} with another mid or type before`
  }
  return undefined
}

/** RFC 8285 §5: an id keeps its meaning, and on its m-line an extension its id, as long as the connection lives. */
function extensionProblem(before: Before, next: readonly RemoteMline[]): string | undefined {
  const known = before.flatMap((mline) => mline?.extensions ?? [])
  const uris = new Map(known.map(({ id, uri }) => [id, uri]))
  for (const { id, uri } of next.flatMap(({ extensions }) => extensions)) {
    if ((uris.get(id) ?? uri) !== uri) return `The a=extmap id ${id} had another meaning before`
  }
  for (const [index, { mid, extensions }] of next.entries()) {
    const mline = before[index]
    if (mline?.mid !== mid) continue
    // A URI may have several ids (RFC 8285 §6 allows more than one while it is being negotiated): one has to stay.
    for (const { uri } of extensions) {
      const ids = mline.extensions.filter((extension) => extension.uri === uri).map(({ id }) => id)
      if (ids.length === 0 || extensions.some((extension) => extension.uri === uri && ids.includes(extension.id)))
        continue
      return `The extension ${quote(uri)} has another a=extmap id on m-line ${index} than before`
    }
  }
  return undefined
}
