/**
 * Our offers to subscribers: the same table of codecs and extensions for everybody, one m-line per slot. What offers have
 * in common is written once (`template.ts`): all but names, numbers and credentials.
 */
import type { Candidate, ExtensionIds } from '../media/control.js'
import { feedbackOf, offeredFormats } from './codecs.js'
import { offeredExtensions } from './extensions.js'
import type { CodecEntry, CodecPolicy, LocalTransport, SlotTrack, SubscriberSlot } from './jsep.js'
import { offeredMlines } from './slots.js'
import { Template } from './template.js'
import {
  extensionLines,
  feedbackLine,
  type Mline,
  type SessionLines,
  sctpFormat,
  sctpMline,
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

/** Kinds of offers that are kept, the newest: publishers decide how many there are, and of how many m-lines. */
const TEMPLATES_MAX = 100
/** The most m-lines of an offer that is kept. Longer ones are written anew. */
const TEMPLATE_SLOTS_MAX = 16

/** By what does not change while a worker lives, then by `kindOf` an offer. */
const templates = new WeakMap<readonly Candidate[], WeakMap<CodecPolicy, Map<string, Template>>>()

/**
 * @param offer whose candidates and codecs do not change: another list is another object
 * @returns the SDP of an offer, `setup:actpass`
 * @throws RangeError for a CNAME that SDP cannot carry
 */
export function offerSubscriber(offer: SubscriberOffer): string {
  const { slots, tracks, local, origin, cname } = offer
  if (!/^[\w-]{1,64}$/.test(cname)) throw new RangeError('cname must be 1 to 64 letters, digits, _ or -')
  const values: Record<string, string> = { ...origin, cname, ufrag: local.ice.ufrag, pwd: local.ice.pwd }
  for (const [index, { mid, ssrc, rtxSsrc }] of slots.entries()) {
    const { streamId, trackId, sprop } = tracks[index]!
    values[`mid.${index}`] = mid
    values[`ssrc.${index}`] = String(ssrc)
    values[`rtxSsrc.${index}`] = String(rtxSsrc)
    values[`stream.${index}`] = streamId
    values[`track.${index}`] = trackId
    values[`sprop.${index}`] = sprop
  }
  return templateOf(offer).fill(values)
}

/** What an offer is written from when nothing is kept. */
export function describeOffer({ slots, tracks, local, origin, cname, codecs }: SubscriberOffer): SessionLines {
  const transport = transportLines(local, 'actpass')
  const mlines = offeredMlines(slots).map(({ mid, slot }) =>
    slot === undefined
      ? { ...sctpMline(mid, 'UDP/DTLS/SCTP', transport), ...sctpFormat }
      : { ...mediaLine(slot, tracks[slots.indexOf(slot)]!, cname, codecs), ...transport },
  )
  return {
    origin: { username: '-', ...origin },
    local,
    bundle: mlines.map((mline) => String(mline.mid)),
    extmapAllowMixed: true,
    mlines,
  }
}

/** Two offers of one kind, of one worker, have the same template. */
function kindOf({ slots, tracks, local }: SubscriberOffer): string {
  const kinds = slots.map(({ kind }, index) => `${kind} ${tracks[index]!.active} ${tracks[index]!.sprop !== ''}`)
  return [local.fingerprint.algorithm, local.fingerprint.value, ...kinds].join(' ')
}

function templateOf(offer: SubscriberOffer): Template {
  const { local, codecs } = offer
  let ofWorker = templates.get(local.candidates)
  if (!ofWorker) templates.set(local.candidates, (ofWorker = new WeakMap()))
  let kept = ofWorker.get(codecs)
  if (!kept) ofWorker.set(codecs, (kept = new Map()))
  const kind = kindOf(offer)
  let template = kept.get(kind)
  if (!template) {
    template = makeTemplate(offer)
    if (offer.slots.length > TEMPLATE_SLOTS_MAX) return template
    if (kept.size >= TEMPLATES_MAX) kept.delete(kept.keys().next().value!)
    kept.set(kind, template)
  }
  return template
}

/** Numbers in the place of SSRCs, which are written as numbers only: more than any other number of an offer. */
const FIRST_SSRC = 4_100_000_000
const ssrcPlace = (number: string) => {
  const place = Number(number) - FIRST_SSRC
  return `{${place % 2 === 0 ? 'ssrc' : 'rtxSsrc'}.${Math.floor(place / 2)}}`
}

/** The offer, with names of places where the values of this one are. */
function makeTemplate({ slots, tracks, local, codecs }: SubscriberOffer): Template {
  const places = slots.map((slot, index) => ({
    ...slot,
    mid: `{mid.${index}}`,
    ssrc: FIRST_SSRC + 2 * index,
    rtxSsrc: FIRST_SSRC + 2 * index + 1,
  }))
  const named = tracks.map(({ active, sprop }, index) => ({
    active,
    streamId: `{stream.${index}}`,
    trackId: `{track.${index}}`,
    sprop: sprop === '' ? '' : `{sprop.${index}}`,
  }))
  const description = describeOffer({
    slots: places,
    tracks: named,
    local: { ...local, ice: { ufrag: '{ufrag}', pwd: '{pwd}' }, candidates: local.candidates },
    origin: { sessionId: '{sessionId}', sessionVersion: '{sessionVersion}' },
    cname: '{cname}',
    codecs,
  })
  return new Template(writeDescription(description).replace(/\b41000\d{5}\b/g, ssrcPlace))
}

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
  return feedbackOf(name).map((line) => feedbackLine(pt, line))
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
