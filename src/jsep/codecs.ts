/** The codecs that rostra forwards, and how a peer's payload types are matched against the table of `formats.ts`. */
import type { CodecName, H264Variant, MediaKind, PayloadType } from '../media/control.js'
import { codecs, formats } from './formats.js'
import { h264Profile } from './h264-profile.js'
import type { CodecEntry, CodecPolicy, RemotePayloadType } from './jsep.js'

/** Feedback about `codec` that rostra sends to publishers, and takes from subscribers. */
export function feedbackOf(codec: CodecName): readonly string[] {
  const { feedback } = codecs[codec]
  return codec === 'red' || feedback.includes('transport-cc') ? feedback : [...feedback, 'transport-cc']
}

/** RED only ever accompanies opus; taking it out of the list switches it off. */
export const defaultPolicy: CodecPolicy = { audio: ['opus', 'red'], video: ['VP8', 'H264', 'VP9', 'AV1'] }

/** A codec of a peer that rostra can use, as the peer wrote it. */
export interface Match {
  codec: CodecName
  variant?: H264Variant
  payload: RemotePayloadType
  rtx?: RemotePayloadType
}

type Parameters = RemotePayloadType['parameters']

/** What else than name, clock rate and channels has to fit. */
const fits: Partial<Record<CodecName, (parameters: Parameters, entry: CodecEntry) => boolean>> = {
  H264: (parameters, { variant }) =>
    `${h264Profile(parameters['profile-level-id'])}/${parameters['packetization-mode'] ?? '0'}` === variant,
  VP9: (parameters) => (parameters['profile-id'] ?? '0') === '0',
  AV1: (parameters) => (parameters.profile ?? '0') === '0',
}

/** RFC 5761 §4: under rtcp-mux these numbers cannot be told from RTCP packet types. */
const looksLikeRtcp = (pt: number) => pt >= 64 && pt <= 95

/** The first payload type that is of that row of the table, with its RTX. */
export function matchFormat(entry: CodecEntry, offered: readonly RemotePayloadType[]): Match | undefined {
  const { name: codec, variant, clockRate, channels = 1, rtxPt } = entry
  const payload = offered.find(
    (candidate) =>
      candidate.name.toLowerCase() === codec.toLowerCase() &&
      !looksLikeRtcp(candidate.pt) &&
      candidate.clockRate === clockRate &&
      candidate.channels === channels &&
      (fits[codec]?.(candidate.parameters, entry) ?? true),
  )
  if (payload === undefined) return undefined
  const rtx = rtxPt === undefined ? undefined : matchRtx(payload, offered)
  return { codec, ...(variant && { variant }), payload, ...(rtx && { rtx }) }
}

/** Finds the payload type that carries `codec` in its best variant; of equal ones the first counts. */
export function matchCodec(codec: CodecName, offered: readonly RemotePayloadType[]): Match | undefined {
  for (const entry of formats) {
    const match = entry.name === codec ? matchFormat(entry, offered) : undefined
    if (match !== undefined) return match
  }
  return undefined
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
  for (const entry of offeredFormats(kind, policy)) {
    const opus = matches.find(({ codec }) => codec === 'opus')
    const match = entry.name === 'red' ? opus && matchRed(opus.payload, answered) : matchFormat(entry, answered)
    if (match !== undefined) matches.push(match)
  }
  return matches
}

/** The rows of the table that our offers list for `kind`: those of the configured codecs, RED never first. */
export function offeredFormats(kind: MediaKind, policy: CodecPolicy): CodecEntry[] {
  const names = policy[kind].filter((name) => codecs[name].kind === kind)
  const order = [...names.filter((name) => name !== 'red'), ...names.filter((name) => name === 'red')]
  return order.flatMap((name) => formats.filter((entry) => entry.name === name))
}

/** A match in the form that workers take. */
export function toPayloadType({ codec, variant, payload, rtx }: Match): PayloadType {
  return { codec, ...(variant && { variant }), pt: payload.pt, ...(rtx && { rtxPt: rtx.pt }) }
}
