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
import type { History } from './history.js'
import { MAX_SENT, Note } from './sequence-map.js'
import type { Subscription } from './subscription.js'

const view = newRtpView()
const redView = newRedView()

/** What is known about the publication that a subscription follows. */
export interface Origin {
  /** By `Encoding.id`; undefined when it has ended. */
  historyOf(encoding: number): History | undefined
  readonly sourceIds: Uint8Array
}

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
    const history = origin.historyOf(map.noted(Note.encoding))
    const slot = history?.find(extSeq) ?? -1
    if (history === undefined || slot < 0) totals.nack_expired++
    else if (!subscription.mayResend(sent, nowMs)) totals.nack_refused++
    else resendOne(context, origin.sourceIds, history, subscription, slot, sent, nowMs)
  }
}

function resendOne(
  context: ForwardContext,
  sourceIds: Uint8Array,
  history: History,
  subscription: Subscription,
  slot: number,
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
  const rtxPt = subscription.rtxPayloadType(codec)
  const primarySkip = codec === RED ? primarySkipOf(bytes, offset + headerLength, length - headerLength) : -1
  const pt = subscription.payloadType(codec, primarySkip)
  // A numbered block cannot be made again: its transport-wide number was another.
  if (readRtp(bytes, offset, length, view) !== 0 || pt < 0 || (rtxPt < 0 && profile.numbered)) {
    totals.nack_refused++
    return
  }
  const marker = view.marker ? 0x80 : 0
  const timestamp = (view.timestamp + subscription.map.noted(Note.timestampOffset)) >>> 0
  const skip = subscription.skipOf(codec, primarySkip)
  out.begin(bytes, offset, length, headerLength)
  if (rtxPt < 0) {
    profile.write(out, bytes, view, sourceIds, history.arrivedMsOf(slot))
    const { transport } = downlink
    out.row(transport, subscription.ssrc, marker | pt, sent, timestamp, profile.offset, profile.length, 0, 0, skip)
    totals.resent_packets++
    subscription.resent++
    return out.send()
  }
  const rtxExtSeq = subscription.nextRtxSeq()
  if (rtxExtSeq > MAX_SENT) return
  profile.write(out, bytes, view, sourceIds, nowMs)
  let extOffset = profile.offset
  if (profile.numbered) {
    downlink.transportSeq = (downlink.transportSeq + 1) & 0xffff
    extOffset = profile.numberedCopy(out, downlink.transportSeq)
  }
  const osn = out.take(2)
  writeU16(out.scratch, osn, sent)
  out.row(
    downlink.transport,
    subscription.rtxSsrc,
    marker | rtxPt,
    rtxExtSeq,
    timestamp,
    extOffset,
    profile.length,
    osn,
    2,
    skip,
  )
  totals.rtx_sent++
  subscription.resent++
  out.send()
}

/** Bytes in front of the primary block of a RED payload, −1 if it has none (RFC 2198 §3). */
export function primarySkipOf(bytes: Uint8Array, payloadOffset: number, payloadLength: number): number {
  return readRed(bytes, payloadOffset, payloadLength, redView) ? redView.offset - payloadOffset : -1
}
