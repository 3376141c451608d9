/**
 * The RTP header extensions that rostra knows (RFC 8285): what they are called in SDP, from whom they are
 * taken and to whom they are offered. Each row answers for itself; nobody else lists extensions.
 */
import type { ExtensionIds, ExtensionName, MediaKind } from '../media/control.js'
import type { RemoteMline } from './jsep.js'

interface ExtensionEntry {
  uri: string
  kinds: readonly MediaKind[]
  /** Accepted from publishers, with the id that they offer. */
  fromPublishers: boolean
  /**
   * Id in our own offers; absent = not offered. One id per URI for the whole bundle (RFC 8843 §9.2), 1–14 so
   * that receivers without two-byte headers can use it.
   */
  offeredId?: number
}

const both: readonly MediaKind[] = ['audio', 'video']
const video: readonly MediaKind[] = ['video']

export const extensions: Readonly<Record<ExtensionName, ExtensionEntry>> = {
  mid: { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', kinds: both, fromPublishers: true, offeredId: 1 },
  rid: { uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', kinds: video, fromPublishers: true },
  'repaired-rid': {
    uri: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
    kinds: video,
    fromPublishers: true,
  },
  'audio-level': {
    uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    kinds: ['audio'],
    fromPublishers: true,
    offeredId: 2,
  },
  'abs-capture-time': {
    uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
    kinds: both,
    fromPublishers: true,
    offeredId: 3,
  },
  'video-orientation': { uri: 'urn:3gpp:video-orientation', kinds: video, fromPublishers: true, offeredId: 4 },
  'playout-delay': {
    uri: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
    kinds: video,
    fromPublishers: true,
    offeredId: 5,
  },
  'dependency-descriptor': {
    uri: 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
    kinds: video,
    fromPublishers: true,
    offeredId: 6,
  },
  'abs-send-time': {
    uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
    kinds: both,
    fromPublishers: true,
    offeredId: 7,
  },
  // Goes together with the `transport-cc` feedback of `codecs.ts`.
  'transport-cc': {
    uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    kinds: both,
    fromPublishers: true,
    offeredId: 8,
  },
}

export const extensionNames = Object.keys(extensions) as readonly ExtensionName[]

const byUri: ReadonlyMap<string, ExtensionName> = new Map(extensionNames.map((name) => [extensions[name].uri, name]))

/** The extension of that URI, or undefined for one that rostra does not know. */
export function extensionName(uri: string): ExtensionName | undefined {
  return byUri.get(uri)
}

/** What is taken of a publisher's m-line, with its own ids. Where a URI comes twice, the first id counts. */
export function publisherExtensions(mline: RemoteMline): ExtensionIds {
  const ids: ExtensionIds = {}
  for (const { uri, id, direction } of mline.extensions) {
    const name = extensionName(uri)
    if (name === undefined || mline.type === 'application') continue
    const { fromPublishers, kinds } = extensions[name]
    // Numbers without feedback about them would leave their sender waiting for it.
    if (name === 'transport-cc' && !mline.payloadTypes.some(({ feedback }) => feedback.includes(name))) continue
    if (!fromPublishers || !kinds.includes(mline.type) || ids[name] !== undefined) continue
    if (direction === 'sendrecv' || direction === 'sendonly') ids[name] = id
  }
  return ids
}

/** What our offers list on an m-line of `kind`. */
export function offeredExtensions(kind: MediaKind): ExtensionIds {
  const ids: ExtensionIds = {}
  for (const name of extensionNames) {
    const { offeredId, kinds } = extensions[name]
    if (offeredId !== undefined && kinds.includes(kind)) ids[name] = offeredId
  }
  return ids
}

/** What a subscriber accepted of `offeredExtensions`: same URI, same id (RFC 8285 §6), and it receives them. */
export function acceptedExtensions(kind: MediaKind, answer: RemoteMline): ExtensionIds {
  const offered = offeredExtensions(kind)
  const ids: ExtensionIds = {}
  for (const { uri, id, direction } of answer.extensions) {
    const name = extensionName(uri)
    if (name === undefined || offered[name] !== id) continue
    if (name === 'transport-cc' && !isTold(kind, answer)) continue
    if (direction === 'sendrecv' || direction === 'recvonly') ids[name] = id
  }
  return ids
}

/**
 * Whether transport-wide numbers on the m-line are of use: the receiver tells when they arrived, and a packet that is lost
 * is repeated as RTX. The same packet again would need the number that it had, which receivers take for a late arrival.
 */
function isTold(kind: MediaKind, { payloadTypes }: RemoteMline): boolean {
  const tells = payloadTypes.some(({ feedback }) => feedback.includes('transport-cc'))
  return tells && (kind === 'audio' || payloadTypes.some(({ name }) => name.toLowerCase() === 'rtx'))
}
