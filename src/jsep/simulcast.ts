/** Which simulcast encodings of a publisher's m-line are taken, and how the answer says so (RFC 8853 §5.3). */
import { MAX_ENCODINGS, type SimulcastEncoding } from '../media/control.js'
import { publisherExtensions } from './extensions.js'
import type { RemoteMline, RemotePayloadType, RemoteSimulcastStream } from './jsep.js'
import type { Mline } from './write-description.js'

export interface Encodings {
  /** In the order of the offer, at most `MAX_ENCODINGS`; empty without simulcast. */
  used: readonly SimulcastEncoding[]
  /** `a=rid` and `a=simulcast` of the answer. */
  lines: Pick<Mline, 'rids' | 'simulcast'>
}

const none: Encodings = { used: [], lines: {} }

/**
 * Takes, of each stream, the first alternative that may use the payload type of the codec that was chosen. What the sender
 * has paused stays so (`~`): it may begin whenever it likes. Streams that are missing in an answer are not sent.
 *
 * Packets are told apart by the `rid` extension (RFC 8852): without that, there is no simulcast by rid.
 */
export function chooseEncodings(mline: RemoteMline, { pt }: RemotePayloadType): Encodings {
  if (mline.type !== 'video') return none
  const extensions = publisherExtensions(mline)
  if (mline.simulcast.length === 0 || extensions.rid === undefined || extensions.mid === undefined) return bySsrc(mline)
  const chosen = mline.simulcast.flatMap((stream) => usable(stream, pt) ?? []).slice(0, MAX_ENCODINGS)
  if (chosen.length === 0) return none
  return {
    used: chosen.map(({ rid }) => ({ rid })),
    lines: {
      rids: chosen.map(({ rid }) => ({ id: rid, direction: 'recv' })),
      simulcast: { dir1: 'recv', list1: chosen.map(({ rid, paused }) => (paused ? `~${rid}` : rid)).join(';') },
    },
  }
}

const usable = (stream: RemoteSimulcastStream, pt: number) =>
  stream.find(({ payloadTypes }) => payloadTypes?.includes(pt) ?? true)

/** The way of Chromium before rids: the offer names the SSRCs, and the answer has nothing to say. */
function bySsrc({ simSsrcs, ssrcs }: RemoteMline): Encodings {
  const known = simSsrcs.filter((ssrc) => ssrcs.some((stream) => stream.ssrc === ssrc))
  return { used: known.slice(0, MAX_ENCODINGS).map((ssrc) => ({ rid: '', ssrc })), lines: {} }
}
