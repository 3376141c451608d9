/** `a=msid` (RFC 8830): which MediaStream and which track of the sender an m-line is. */
import type { MediaDescription } from 'sdp-transform'
import type { Msid } from './jsep.js'
import type { Section } from './sdp-lines.js'

/** RFC 8830 §2: both are 1–64 token characters. */
const token = /^[!#-'*+\-.0-9A-Z^-~]{1,64}$/

/** A track that is in no stream (RFC 8829 §5.2.1). */
const noStream = '-'

/**
 * Ids that a peer wrote, as far as SDP can carry them again: others are left out. Of several streams of a track the
 * first counts. Peers that know `a=msid` only as an SSRC's attribute (RFC 8830's drafts) are understood too.
 */
export function readMsid(
  { msids: [line] }: Pick<Section, 'msids'>,
  { ssrcs = [] }: Pick<MediaDescription, 'ssrcs'>,
): Msid {
  const [stream, track] = (line ?? ssrcs.find(({ attribute }) => attribute === 'msid')?.value ?? '').split(/ +/)
  const msid: Msid = {}
  if (isToken(stream) && stream !== noStream) msid.stream = stream
  if (isToken(track)) msid.track = track
  return msid
}

const isToken = (text: string | undefined): text is string => text !== undefined && token.test(text)
