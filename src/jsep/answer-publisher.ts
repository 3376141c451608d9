/** Answers a publisher's offer: what it sends is received, one codec per m-line, everything else is declined. */
import type { DtlsParameters, ReceiveStream } from '../media/control.js'
import { choosePublisherCodec, codecs, type Match, toPayloadType } from './codecs.js'
import { publisherExtensions } from './extensions.js'
import type { CodecPolicy, LocalTransport, PublisherAnswer, RemoteDescription, RemoteMline, Setup } from './jsep.js'
import {
  extensionLines,
  type Mline,
  maxMessageSize,
  sctpPort,
  transportLines,
  writeDescription,
} from './write-description.js'

/**
 * How many m-lines of one kind are received from one publisher. Those beyond it that send are declined with
 * port 0; those that do not send are answered `inactive`.
 */
export const maxStreamsPerKind = 1

/**
 * Pure: the same arguments give the same answer.
 *
 * @param local our ICE credentials, fingerprint and candidates
 * @param role our DTLS role, when this renegotiates a connection that has one: it never changes (RFC 8842 §5.3)
 */
export function answerPublisher(
  offer: RemoteDescription,
  local: LocalTransport,
  policy: CodecPolicy,
  role?: DtlsParameters['role'],
): PublisherAnswer {
  const setup = answerSetup(offer.setup, role)
  const streams: ReceiveStream[] = []
  const chosen = chooseStreams(offer, policy)
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
    if (choice.stream !== undefined) streams.push(choice.stream)
    return mediaLine(mline, choice, transport)
  })
  const bundle = accepted.length > 0 && offer.mlines.some(({ bundled }) => bundled) ? accepted : undefined
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
    data: dataMline !== undefined,
  }
}

/** RFC 5763 §5, and RFC 8842 §5.3 for renegotiations: `actpass` leaves the choice to us, and then it stays. */
function answerSetup(offered: Setup, role: DtlsParameters['role'] | undefined): 'active' | 'passive' {
  if (offered === 'active') return 'passive'
  return offered === 'actpass' && role === 'server' ? 'passive' : 'active'
}

interface Choice {
  matches: readonly [Match, ...Match[]]
  /** Absent for an m-line that stays unused: nothing is sent on it and others of its kind are taken. */
  stream?: ReceiveStream
}

const sends = ({ direction }: RemoteMline) => direction === 'sendrecv' || direction === 'sendonly'

/** What happens to each audio and video m-line; those that are missing in the result are declined. */
function chooseStreams(offer: RemoteDescription, policy: CodecPolicy): Map<RemoteMline, Choice> {
  const choices = new Map<RemoteMline, Choice>()
  for (const kind of ['audio', 'video'] as const) {
    const usable: { mline: RemoteMline; matches: Choice['matches'] }[] = []
    for (const mline of offer.mlines) {
      if (mline.type !== kind || mline.rejected) continue
      const [first, ...others] = choosePublisherCodec(kind, mline.payloadTypes, policy)
      if (first !== undefined) usable.push({ mline, matches: [first, ...others] })
    }
    // A track that was removed and added again comes on a new m-line, and the old one stays, silent.
    const sending = usable.filter(({ mline }) => sends(mline))
    const received = new Set((sending.length > 0 ? sending : usable).slice(0, maxStreamsPerKind))
    let index = 0
    for (const item of usable) {
      const { mline, matches } = item
      if (received.has(item)) choices.set(mline, { matches, stream: receiveStream(mline, matches, kind, index++) })
      else if (!sends(mline)) choices.set(mline, { matches })
    }
  }
  return choices
}

function receiveStream(
  mline: RemoteMline,
  matches: Choice['matches'],
  kind: ReceiveStream['kind'],
  index: number,
): ReceiveStream {
  const [primary] = matches
  return {
    mid: mline.mid,
    kind,
    index,
    payloadTypes: matches.map(toPayloadType),
    clockRate: primary.payload.clockRate,
    ssrcs: mline.ssrcs.map((ssrc) => ({ ...ssrc })),
    extensions: publisherExtensions(mline),
    nack: acceptedFeedback(primary).includes('nack'),
    active: sends(mline),
  }
}

const acceptedFeedback = ({ codec, payload }: Match) =>
  codecs[codec].feedback.filter((line) => payload.feedback.includes(line))

type TransportLines = ReturnType<typeof transportLines>

function mediaLine(mline: RemoteMline, { matches }: Choice, transport: TransportLines): Mline {
  const payloads = [...matches.map(({ payload }) => payload), ...matches.flatMap(({ rtx }) => rtx ?? [])]
  const feedback = matches.flatMap((match) =>
    acceptedFeedback(match).map((line) => {
      const [type = '', subtype] = line.split(' ')
      return { payload: match.payload.pt, type, ...(subtype === undefined ? {} : { subtype }) }
    }),
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
    ...transport,
  }
}

/**
 * Parameters that are repeated to the sender when it offered them, so that it makes use of them: rostra passes
 * media on and has no preferences. Everything else that it wrote is about what it receives, and left out.
 */
const repeated: Partial<Record<Match['codec'], readonly string[]>> = {
  opus: ['minptime', 'ptime', 'maxptime', 'maxaveragebitrate', 'maxplaybackrate', 'stereo', 'useinbandfec', 'usedtx'],
  H264: ['level-asymmetry-allowed', 'packetization-mode', 'profile-level-id'],
  VP9: ['profile-id'],
  AV1: ['level-idx', 'profile', 'tier'],
}

function answerFmtp({ codec, payload, rtx }: Match, primary: Match): Mline['fmtp'] {
  const lines: Mline['fmtp'] = []
  if (codec === 'red') {
    lines.push({ payload: payload.pt, config: `${primary.payload.pt}/${primary.payload.pt}` })
  } else {
    const config = (repeated[codec] ?? [])
      .filter((key) => /^[0-9a-f]{1,10}$/i.test(payload.parameters[key] ?? ''))
      .map((key) => `${key}=${payload.parameters[key]}`)
    if (config.length > 0) lines.push({ payload: payload.pt, config: config.join(';') })
  }
  if (rtx !== undefined) lines.push({ payload: rtx.pt, config: `apt=${payload.pt}` })
  return lines
}

/** In the form it was offered (RFC 8841, or its draft with `a=sctpmap`). */
function dataLine(mline: RemoteMline, transport: TransportLines): Mline {
  const line = {
    type: 'application',
    port: 9,
    protocol: mline.protocol,
    rtp: [],
    fmtp: [],
    direction: 'sendrecv' as const,
    mid: mline.mid,
    maxMessageSize,
    ...transport,
  }
  return mline.legacySctp
    ? { ...line, payloads: String(sctpPort), sctpmap: legacySctpmap }
    : { ...line, payloads: 'webrtc-datachannel', sctpPort }
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
