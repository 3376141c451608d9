/** Answers a publisher's offer: what it sends is received, one codec per m-line, everything else is declined. */
import type { DtlsParameters, ReceiveStream, SimulcastEncoding } from '../media/control.js'
import { answerFmtp, spropOf } from './answer-fmtp.js'
import { choosePublisherCodec, feedbackOf, type Match, toPayloadType } from './codecs.js'
import { publisherExtensions } from './extensions.js'
import type { CodecPolicy, LocalTransport, PublisherAnswer, RemoteDescription, RemoteMline, Setup } from './jsep.js'
import { chooseEncodings, type Encodings } from './simulcast.js'
import { assignIndexes, sends } from './stream-index.js'
import {
  extensionLines,
  feedbackLine,
  type Mline,
  sctpFormat,
  sctpMline,
  sctpPort,
  type TransportLines,
  transportLines,
  writeDescription,
} from './write-description.js'

/** What was agreed on before, when an offer renegotiates a connection. */
export interface Before {
  /** Our DTLS role: it never changes (RFC 8842 §5.3). */
  role: DtlsParameters['role']
  streams: readonly ReceiveStream[]
}

/**
 * Pure: the same arguments give the same answer. M-lines beyond `maxStreamsPerKind` that send are declined with port 0;
 * those that do not send are answered `inactive`.
 *
 * @param local our ICE credentials, fingerprint and candidates
 */
export function answerPublisher(
  offer: RemoteDescription,
  local: LocalTransport,
  policy: CodecPolicy,
  before?: Before,
): PublisherAnswer {
  const setup = answerSetup(offer.setup, before?.role)
  const chosen = chooseStreams(offer, policy, before?.streams ?? [])
  const dataMline = offer.mlines.find(({ type, rejected }) => type === 'application' && !rejected)
  const accepted: string[] = []
  const mlines = offer.mlines.map((mline) => {
    const transport = transportLines(local, setup)
    if (mline === dataMline) {
      accepted.push(mline.mid)
      return dataLine(mline, transport)
    }
    const choice = chosen.get(mline)
    if (choice === undefined) return declinedLine(mline)
    accepted.push(mline.mid)
    return mediaLine(mline, choice, transport)
  })
  const bundle = accepted.length > 0 && offer.mlines.some(({ bundled }) => bundled) ? accepted : undefined
  const streams = [...chosen].flatMap(([mline, choice]) => receiveStream(mline, choice) ?? [])
  return {
    sdp: writeDescription({
      origin: offer.origin,
      local,
      bundle,
      extmapAllowMixed: offer.extmapAllowMixed,
      mlines,
    }),
    dtls: { role: setup === 'active' ? 'client' : 'server', fingerprint: offer.fingerprint },
    streams,
    tracks: [...chosen].flatMap(([mline, choice]) => publishedTrack(mline, choice) ?? []),
    data: dataMline !== undefined,
    declined: mlines.flatMap(({ port }, position) => (port === 0 ? [position] : [])),
  }
}

/** RFC 5763 §5, and RFC 8842 §5.3 for renegotiations: `actpass` leaves the choice to us, and then it stays. */
function answerSetup(offered: Setup, role: DtlsParameters['role'] | undefined): 'active' | 'passive' {
  if (offered === 'active') return 'passive'
  return offered === 'actpass' && role === 'server' ? 'passive' : 'active'
}

interface Choice {
  matches: readonly [Match, ...Match[]]
  /** Simulcast that is accepted. */
  encodings: Encodings
  /** Absent for an m-line that stays unused. */
  index?: number
}

/** What happens to each audio and video m-line, in the order of the offer; those that are missing are declined. */
function chooseStreams(
  offer: RemoteDescription,
  policy: CodecPolicy,
  before: readonly ReceiveStream[],
): Map<RemoteMline, Choice> {
  const usable = new Map<RemoteMline, Choice['matches']>()
  for (const mline of offer.mlines) {
    if (mline.type === 'application' || mline.rejected) continue
    const [first, ...others] = choosePublisherCodec(mline.type, mline.payloadTypes, policy)
    if (first !== undefined) usable.set(mline, [first, ...others])
  }
  const mlines = [...usable.keys()]
  const indexes = new Map(
    (['audio', 'video'] as const).flatMap((kind) => [
      ...assignIndexes(
        mlines.filter(({ type }) => type === kind),
        before,
      ),
    ]),
  )
  const choices = new Map<RemoteMline, Choice>()
  for (const [mline, matches] of usable) {
    const index = indexes.get(mline)
    if (index === undefined && sends(mline)) continue
    const encodings = chooseEncodings(mline, matches[0].payload)
    choices.set(mline, { matches, encodings, ...(index !== undefined && { index }) })
  }
  return choices
}

function receiveStream(mline: RemoteMline, { matches, encodings, index }: Choice): ReceiveStream | undefined {
  if (index === undefined || mline.type === 'application') return undefined
  const [primary] = matches
  return {
    mid: mline.mid,
    kind: mline.type,
    index,
    payloadTypes: matches.map(toPayloadType),
    clockRate: primary.payload.clockRate,
    ssrcs: mline.ssrcs.map((ssrc) => ({ ...ssrc })),
    ...(encodings.used.length > 1 && { encodings: [...encodings.used] satisfies SimulcastEncoding[] }),
    extensions: publisherExtensions(mline),
    nack: acceptedFeedback(primary, mline).includes('nack'),
    active: sends(mline),
  }
}

function publishedTrack(mline: RemoteMline, { matches, index }: Choice): PublisherAnswer['tracks'][number] | undefined {
  if (index === undefined || mline.type === 'application' || !sends(mline)) return undefined
  return { kind: mline.type, index, msid: { ...mline.msid }, sprop: spropOf(matches[0]) }
}

function acceptedFeedback({ codec, payload }: Match, mline: RemoteMline): string[] {
  const numbered = publisherExtensions(mline)['transport-cc'] !== undefined
  return feedbackOf(codec).filter((line) => payload.feedback.includes(line) && (numbered || line !== 'transport-cc'))
}

function mediaLine(mline: RemoteMline, { matches, encodings }: Choice, transport: TransportLines): Mline {
  const payloads = [...matches.map(({ payload }) => payload), ...matches.flatMap(({ rtx }) => rtx ?? [])]
  const feedback = matches.flatMap((match) =>
    acceptedFeedback(match, mline).map((line) => feedbackLine(match.payload.pt, line)),
  )
  return {
    type: mline.type,
    port: 9,
    protocol: mline.protocol,
    payloads: payloads.map(({ pt }) => pt).join(' '),
    rtp: payloads.map(({ pt, name, clockRate, channels }) => ({
      payload: pt,
      codec: name,
      rate: clockRate,
      ...(channels > 1 ? { encoding: channels } : {}),
    })),
    fmtp: matches.flatMap((match) => answerFmtp(match, matches[0])),
    rtcpFb: feedback,
    ext: extensionLines(publisherExtensions(mline)),
    direction: sends(mline) ? 'recvonly' : 'inactive',
    mid: mline.mid,
    rtcpMux: 'rtcp-mux',
    ...encodings.lines,
    ...transport,
  }
}

/** In the form it was offered (RFC 8841, or its draft with `a=sctpmap`). */
function dataLine({ mid, protocol, legacySctp }: RemoteMline, transport: TransportLines): Mline {
  const format = legacySctp ? { payloads: String(sctpPort), sctpmap: legacySctpmap } : sctpFormat
  return { ...sctpMline(mid, protocol, transport), ...format }
}

/** As Janus writes it. sdp-transform calls the last number a size; in the draft it is a number of streams. */
const legacySctpmap = { sctpmapNumber: sctpPort, app: 'webrtc-datachannel', maxMessageSize: 16 }

/** RFC 3264 §6: keeps the place of the m-line. */
function declinedLine({ type, protocol, mid, legacySctp }: RemoteMline): Mline {
  const format = legacySctp ? String(sctpPort) : 'webrtc-datachannel'
  return {
    type,
    port: 0,
    protocol,
    payloads: type === 'application' ? format : '0',
    rtp: [],
    fmtp: [],
    direction: 'inactive',
    mid,
  }
}
