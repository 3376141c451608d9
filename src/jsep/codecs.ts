/**
 * The codecs that rostra forwards: the one payload-type table of all its offers, and how a peer's payload
 * types are matched against it.
 */
import type { CodecName, MediaKind, PayloadType } from '../media/control.js'
import { h264Profile } from './h264-profile.js'
import type { CodecEntry, CodecPolicy, RemotePayloadType } from './jsep.js'

/**
 * Video feedback that rostra acts on. `transport-cc` belongs here, together with its header extension, once
 * the workers send transport-wide feedback; as long as it is not negotiated browsers follow REMB.
 */
const videoFeedback = ['ccm fir', 'nack', 'nack pli', 'goog-remb'] as const

/**
 * Payload types are the same in every offer of the server, so that a publisher may change its codec without a
 * new offer to subscribers. 107 stays free: naf-janus-adapter rewrites lines of that number as H264.
 */
export const codecs: Readonly<Record<CodecName, CodecEntry>> = {
  opus: {
    name: 'opus',
    kind: 'audio',
    pt: 111,
    clockRate: 48000,
    channels: 2,
    fmtp: 'minptime=10;useinbandfec=1;usedtx=1',
    feedback: [],
  },
  red: { name: 'red', kind: 'audio', pt: 63, clockRate: 48000, channels: 2, fmtp: '111/111', feedback: [] },
  VP8: { name: 'VP8', kind: 'video', pt: 96, rtxPt: 97, clockRate: 90000, feedback: videoFeedback },
  H264: {
    name: 'H264',
    kind: 'video',
    pt: 102,
    rtxPt: 103,
    clockRate: 90000,
    fmtp: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    feedback: videoFeedback,
  },
  VP9: {
    name: 'VP9',
    kind: 'video',
    pt: 98,
    rtxPt: 99,
    clockRate: 90000,
    fmtp: 'profile-id=0',
    feedback: videoFeedback,
  },
  AV1: {
    name: 'AV1',
    kind: 'video',
    pt: 45,
    rtxPt: 46,
    clockRate: 90000,
    fmtp: 'level-idx=5;profile=0;tier=0',
    feedback: videoFeedback,
  },
}

/** RED only ever accompanies opus; taking it out of the list switches it off. */
export const defaultPolicy: CodecPolicy = { audio: ['opus', 'red'], video: ['VP8', 'H264', 'VP9', 'AV1'] }

/** A codec of a peer that rostra can use, as the peer wrote it. */
export interface Match {
  codec: CodecName
  payload: RemotePayloadType
  rtx?: RemotePayloadType
}

/** How well a payload type fits a codec that it has the name of: 0 best; undefined = not at all. */
const ranks: Partial<Record<CodecName, (parameters: RemotePayloadType['parameters']) => number | undefined>> = {
  H264: (parameters) => {
    const profile = h264Profile(parameters['profile-level-id'])
    const mode = parameters['packetization-mode'] ?? '0'
    if (profile === undefined || profile === 'other' || (mode !== '0' && mode !== '1')) return undefined
    // A single-NAL-unit stream (mode 0) is valid for receivers that take mode 1, so it is better than no video.
    return (mode === '1' ? 0 : 2) + (profile === 'constrained-baseline' ? 0 : 1)
  },
  VP9: (parameters) => ((parameters['profile-id'] ?? '0') === '0' ? 0 : undefined),
  AV1: (parameters) => ((parameters.profile ?? '0') === '0' ? 0 : undefined),
}

/** RFC 5761 §4: under rtcp-mux these numbers cannot be told from RTCP packet types. */
const looksLikeRtcp = (pt: number) => pt >= 64 && pt <= 95

/**
 * Finds the payload type that carries `codec` best, with its RTX. Name, clock rate and channels must fit the
 * table; of several that fit equally well the first one counts.
 */
export function matchCodec(codec: CodecName, offered: readonly RemotePayloadType[]): Match | undefined {
  const entry = codecs[codec]
  let best: RemotePayloadType | undefined
  let bestRank = Number.POSITIVE_INFINITY
  for (const payload of offered) {
    if (payload.name.toLowerCase() !== codec.toLowerCase() || looksLikeRtcp(payload.pt)) continue
    if (payload.clockRate !== entry.clockRate || payload.channels !== (entry.channels ?? 1)) continue
    const rank = ranks[codec] === undefined ? 0 : ranks[codec](payload.parameters)
    if (rank === undefined || rank >= bestRank) continue
    best = payload
    bestRank = rank
  }
  if (best === undefined) return undefined
  const rtx = entry.rtxPt === undefined ? undefined : matchRtx(best, offered)
  return rtx === undefined ? { codec, payload: best } : { codec, payload: best, rtx }
}

/** RFC 4588 §8.1: the `rtx` payload type whose `apt` names `payload`. */
function matchRtx(payload: RemotePayloadType, offered: readonly RemotePayloadType[]): RemotePayloadType | undefined {
  const apt = String(payload.pt)
  return offered.find(
    (rtx) =>
      rtx.name.toLowerCase() === 'rtx' &&
      rtx.clockRate === payload.clockRate &&
      rtx.parameters.apt === apt &&
      !looksLikeRtcp(rtx.pt),
  )
}

/**
 * RED (RFC 2198) around the opus that was chosen. Its packets name the payload type of the opus inside, which is
 * passed on as it is, so RED works only where that is the number that everybody has.
 */
function matchRed(opus: RemotePayloadType, offered: readonly RemotePayloadType[]): Match | undefined {
  if (opus.pt !== codecs.opus.pt) return undefined
  const red = matchCodec('red', offered)
  if (red === undefined) return undefined
  const blocks = Object.keys(red.payload.parameters).flatMap((list) => list.split('/'))
  return blocks.every((pt) => pt === String(opus.pt)) ? red : undefined
}

/**
 * Chooses one codec for a publisher's m-line: the first of the configured ones that is offered, and RED beside
 * opus where both sides have it. Empty when nothing fits.
 */
export function choosePublisherCodec(
  kind: MediaKind,
  offered: readonly RemotePayloadType[],
  policy: CodecPolicy,
): Match[] {
  for (const codec of policy[kind]) {
    if (codec === 'red' || codecs[codec].kind !== kind) continue
    const match = matchCodec(codec, offered)
    if (match === undefined) continue
    const red = codec === 'opus' && policy.audio.includes('red') ? matchRed(match.payload, offered) : undefined
    return red === undefined ? [match] : [match, red]
  }
  return []
}

/** Everything of the configured codecs that a subscriber's answer accepts, in the configured order. */
export function matchSubscriberCodecs(
  kind: MediaKind,
  answered: readonly RemotePayloadType[],
  policy: CodecPolicy,
): Match[] {
  const matches: Match[] = []
  for (const { name } of offeredCodecs(kind, policy)) {
    const opus = matches.find(({ codec }) => codec === 'opus')
    const match = name === 'red' ? opus && matchRed(opus.payload, answered) : matchCodec(name, answered)
    if (match !== undefined) matches.push(match)
  }
  return matches
}

/** The rows of the table that our offers list for `kind`: the configured codecs, RED never first. */
export function offeredCodecs(kind: MediaKind, policy: CodecPolicy): CodecEntry[] {
  const entries = policy[kind].map((name) => codecs[name]).filter((entry) => entry.kind === kind)
  return [...entries.filter(({ name }) => name !== 'red'), ...entries.filter(({ name }) => name === 'red')]
}

/** A match in the form that workers take. */
export function toPayloadType({ codec, payload, rtx }: Match): PayloadType {
  return rtx === undefined ? { codec, pt: payload.pt } : { codec, pt: payload.pt, rtxPt: rtx.pt }
}
