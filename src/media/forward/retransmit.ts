/**
 * Answers a subscriber's NACK out of the history: as RTX (RFC 4588) if it was negotiated, otherwise as exactly
 * the packet that was sent before. Anything else under the same SSRC and number would repeat an SRTP nonce.
 *
 * ```
 * RTX      | RTP header: RTX's own pt, ssrc, seq; the original's marker, timestamp, extensions |
 *          | original seq, 16 bits | original payload … |
 * ```
 */
import { writeU16 } from '../rtp/big-endian.js'
import { newRedView, readRed } from '../rtp/codecs/index.js'
import { newRtpView, readRtp } from '../rtp/packet.js'
import { unwrapSeq } from '../rtp/sequence.js'
import { RED } from './codec-table.js'
import type { ForwardContext } from './context.js'
import { readAgain, rewriteDescriptor } from './descriptor-rewrite.js'
import type { History } from './history.js'
import { WHOLE } from './layer-targets.js'
import type { Pictures } from './pictures.js'
import { MAX_SENT, Note } from './sequence-map.js'
import type { Subscription } from './subscription.js'

/** Original sequence number in front of an RTX payload. */
export const OSN_BYTES = 2

const view = newRtpView()
const redView = newRedView()

/** What is known about the publication that a subscription follows. */
export interface Origin {
  /** By `Encoding.id`; undefined when it has ended. */
  sourceOf(encoding: number): Stored | undefined
  readonly sourceIds: Uint8Array
}

/** What is kept of one encoding. */
export interface Stored {
  readonly history: History
  /** null when its packets say nothing about layers and pictures. */
  readonly pictures: Pictures | null
}

/** One stored packet as it was sent, or would have been. */
const content = { marker: 0, timestamp: 0, skip: 0, rewritten: false, pictureDelta: 0, tl0Delta: 0, keyIdxDelta: 0 }

/** @param seqs 16-bit numbers that the subscriber lacks, the first `count` of it */
export function resend(
  context: ForwardContext,
  origin: Origin,
  subscription: Subscription,
  seqs: Uint16Array,
  count: number,
  nowMs: number,
): void {
  const { totals } = context
  const { map } = subscription
  const newest = map.newestSent
  totals.nack_received += count
  subscription.nacks += count
  for (let i = 0; i < count; i++) {
    const sent = unwrapSeq(newest, seqs[i]!)
    const extSeq = sent > newest || sent < 0 ? -1 : map.reverse(sent)
    if (extSeq < 0) {
      totals.nack_unknown++
      continue
    }
    const stored = origin.sourceOf(map.noted(Note.encoding))
    const slot = stored?.history.find(extSeq) ?? -1
    if (stored === undefined || slot < 0) totals.nack_expired++
    // The request was on its way already when the packet, itself repaired, went out.
    else if (nowMs - stored.history.arrivedMsOf(slot) < subscription.reports.rttMs / 2) totals.nack_refused++
    else if (!subscription.mayResend(sent, nowMs)) totals.nack_refused++
    else resendOne(context, origin.sourceIds, stored, subscription, slot, extSeq, sent, nowMs)
  }
}

function resendOne(
  context: ForwardContext,
  sourceIds: Uint8Array,
  { history, pictures }: Stored,
  subscription: Subscription,
  slot: number,
  extSeq: number,
  sent: number,
  nowMs: number,
): void {
  const { out, totals } = context
  const { downlink, profile } = subscription
  const { bytes } = history
  const offset = history.offsetOf(slot)
  const length = history.lengthOf(slot)
  const headerLength = history.headerLengthOf(slot)
  const codec = history.codecOf(slot)
  const payloadOffset = offset + headerLength
  const rtxPt = subscription.rtxPayloadType(codec)
  const primarySkip = codec === RED ? primarySkipOf(bytes, payloadOffset, length - headerLength) : -1
  const pt = subscription.payloadType(codec, primarySkip)
  // A numbered block cannot be made again: its transport-wide number was another.
  const refused = readRtp(bytes, offset, length, view) !== 0 || pt < 0 || (rtxPt < 0 && profile.numbered)
  if (refused || !restore(subscription, pictures, extSeq, codec, bytes, payloadOffset, length - headerLength)) {
    totals.nack_refused++
    return
  }
  if (!content.rewritten && content.skip === 0) content.skip = subscription.skipOf(codec, primarySkip)
  const rtx = rtxPt >= 0
  const number = rtx ? subscription.nextRtxSeq() : sent
  if (number > MAX_SENT) {
    totals.nack_refused++
    return
  }
  out.begin(bytes, offset, length, headerLength)
  profile.write(out, bytes, view, sourceIds, rtx ? nowMs : history.arrivedMsOf(slot))
  const { scratch, at: prefix } = out
  const osnBytes = rtx ? OSN_BYTES : 0
  if (rtx) writeU16(scratch, prefix, sent)
  if (content.rewritten)
    content.skip = rewriteDescriptor(codec, bytes, payloadOffset, content, scratch, prefix + osnBytes)
  const prefixLength = osnBytes + (content.rewritten ? content.skip : 0)
  out.take(prefixLength)
  const sentBytes = length - headerLength - content.skip + prefixLength
  let extOffset = profile.offset
  if (profile.numbered) extOffset = profile.numberedCopy(out, downlink.nextTransportSeq(sentBytes, nowMs))
  const { transport } = downlink
  const markerPt = content.marker | (rtx ? rtxPt : pt)
  const ssrc = rtx ? subscription.rtxSsrc : subscription.ssrc
  const { timestamp, skip } = content
  out.row(transport, ssrc, markerPt, number, timestamp, extOffset, profile.length, prefix, prefixLength, skip)
  if (rtx) totals.rtx_sent++
  else totals.resent_packets++
  subscription.resent++
  out.send()
}

/**
 * Fills `content` with what the packet was sent as, by what was noted about its range.
 * @returns false when that cannot be told any more
 */
function restore(
  { map }: Subscription,
  pictures: Pictures | null,
  extSeq: number,
  codec: number,
  bytes: Uint8Array,
  payloadOffset: number,
  payloadLength: number,
): boolean {
  const layer = map.noted(Note.layer)
  const at = pictures?.find(extSeq) ?? -1
  content.timestamp = (view.timestamp + map.noted(Note.timestampOffset)) >>> 0
  content.marker = view.marker ? 0x80 : 0
  content.skip = 0
  content.pictureDelta = map.noted(Note.pictureDelta)
  content.tl0Delta = map.noted(Note.tl0Delta)
  content.keyIdxDelta = map.noted(Note.keyIdxDelta)
  content.rewritten = (content.pictureDelta | content.tl0Delta | content.keyIdxDelta) !== 0
  if (layer !== WHOLE && pictures !== null) {
    if (at < 0) return false
    if (((pictures.presentAt(at) >>> layer) & 1) === 0) {
      content.marker = 0
      content.skip = payloadLength
      content.rewritten = false
    } else if (((pictures.endsAt(at) >>> layer) & 1) === 1) content.marker = 0x80
  }
  if (content.rewritten) content.rewritten = readAgain(codec, bytes, payloadOffset, payloadLength)
  return true
}

/** Bytes in front of the primary block of a RED payload, −1 if it has none (RFC 2198 §3). */
export function primarySkipOf(bytes: Uint8Array, payloadOffset: number, payloadLength: number): number {
  return readRed(bytes, payloadOffset, payloadLength, redView) ? redView.offset - payloadOffset : -1
}
