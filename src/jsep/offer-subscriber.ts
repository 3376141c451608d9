/** Our offers to subscribers: the same table of codecs and extensions for everybody, one m-line per slot. */
import type { ExtensionIds } from '../media/control.js'
import { feedbackOf, offeredFormats } from './codecs.js'
import { offeredExtensions } from './extensions.js'
import type { CodecEntry, CodecPolicy, LocalTransport, SlotTrack, SubscriberSlot } from './jsep.js'
import { offeredMlines } from './slots.js'
import {
  extensionLines,
  type Mline,
  maxMessageSize,
  sctpPort,
  transportLines,
  writeDescription,
} from './write-description.js'

export interface SubscriberOffer {
  slots: readonly SubscriberSlot[]
  /** What to say of the slots, one each. */
  tracks: readonly SlotTrack[]
  local: LocalTransport
  /** Decimal numbers. The version grows with every offer of a connection (RFC 9429 §5.2.2). */
  origin: { sessionId: string; sessionVersion: string }
  /** RFC 3550 §6.5.1, 1–64 letters, digits, - and _; one for all m-lines, so that audio and video are played in step. */
  cname: string
  codecs: CodecPolicy
}

/**
 * @returns the SDP of an offer, `setup:actpass`
 * @throws RangeError for a CNAME that SDP cannot carry
 */
export function offerSubscriber({ slots, tracks, local, origin, cname, codecs }: SubscriberOffer): string {
  if (!/^[\w-]{1,64}$/.test(cname)) throw new RangeError('cname must be 1 to 64 letters, digits, _ or -')
  const transport = transportLines(local, 'actpass')
  const mlines = offeredMlines(slots).map(({ mid, slot }) =>
    slot === undefined
      ? dataLine(mid, transport)
      : { ...mediaLine(slot, tracks[slots.indexOf(slot)]!, cname, codecs), ...transport },
  )
  return writeDescription({
    origin: { username: '-', ...origin },
    local,
    bundle: mlines.map((mline) => String(mline.mid)),
    extmapAllowMixed: true,
    mlines,
  })
}

type TransportLines = ReturnType<typeof transportLines>

function mediaLine(slot: SubscriberSlot, track: SlotTrack, cname: string, policy: CodecPolicy): Mline {
  const entries = offeredFormats(slot.kind, policy)
  const extensions: ExtensionIds = offeredExtensions(slot.kind)
  return {
    type: slot.kind,
    port: 9,
    protocol: 'UDP/TLS/RTP/SAVPF',
    payloads: entries.flatMap(({ pt, rtxPt }) => (rtxPt === undefined ? [pt] : [pt, rtxPt])).join(' '),
    rtp: entries.flatMap(rtpmaps),
    fmtp: entries.flatMap((entry) => fmtps(entry, track)),
    rtcpFb: entries.flatMap(feedbacks),
    ext: extensionLines(extensions),
    direction: track.active ? 'sendonly' : 'inactive',
    mid: slot.mid,
    rtcpMux: 'rtcp-mux',
    ...(track.active && { msid: [{ id: track.streamId, appdata: track.trackId }] }),
    // Also of an inactive m-line: Chromium forgets where pictures of an SSRC go when the SSRC goes and comes back.
    ...ssrcLines(slot, entries, cname),
  }
}

function rtpmaps({ pt, rtxPt, name, clockRate, channels }: CodecEntry): Mline['rtp'] {
  const map = { payload: pt, codec: name, rate: clockRate }
  const maps = [channels === undefined ? map : { ...map, encoding: channels }]
  return rtxPt === undefined ? maps : [...maps, { payload: rtxPt, codec: 'rtx', rate: clockRate }]
}

/** Only opus has parameters that say what is sent. */
function fmtps({ name, pt, rtxPt, fmtp }: CodecEntry, { sprop }: SlotTrack): Mline['fmtp'] {
  const config = name === 'opus' && sprop !== '' ? `${fmtp};${sprop}` : fmtp
  const lines = config === undefined ? [] : [{ payload: pt, config }]
  return rtxPt === undefined ? lines : [...lines, { payload: rtxPt, config: `apt=${pt}` }]
}

function feedbacks({ pt, name }: CodecEntry): NonNullable<Mline['rtcpFb']> {
  return feedbackOf(name).map((line) => {
    const [type = '', subtype] = line.split(' ')
    return subtype === undefined ? { payload: pt, type } : { payload: pt, type, subtype }
  })
}

/** RFC 5576 and RFC 4588 §8.3: the stream and, where codecs have RTX, its retransmission stream. */
function ssrcLines(
  { ssrc, rtxSsrc }: SubscriberSlot,
  entries: readonly CodecEntry[],
  cname: string,
): Pick<Mline, 'ssrcs' | 'ssrcGroups'> {
  const line = (id: number) => ({ id, attribute: 'cname', value: cname })
  if (entries.every(({ rtxPt }) => rtxPt === undefined)) return { ssrcs: [line(ssrc)] }
  return {
    ssrcGroups: [{ semantics: 'FID', ssrcs: `${ssrc} ${rtxSsrc}` }],
    ssrcs: [line(ssrc), line(rtxSsrc)],
  }
}

function dataLine(mid: string, transport: TransportLines): Mline {
  return {
    type: 'application',
    port: 9,
    protocol: 'UDP/DTLS/SCTP',
    payloads: 'webrtc-datachannel',
    rtp: [],
    fmtp: [],
    direction: 'sendrecv',
    mid,
    sctpPort,
    maxMessageSize,
    ...transport,
  }
}
