/**
 * Packets that carry nothing, on the RTX stream: what probes are made of. Receivers count them and throw them away.
 *
 * ```
 * | RTP header, P = 1: RTX's pt, ssrc, seq; extensions | 254 × 0 | 255 |
 * ```
 */
import { PADDING } from '../io/io.js'
import { newRtpView } from '../rtp/packet.js'
import type { ForwardContext } from './context.js'
import { MAX_SENT } from './sequence-map.js'
import type { Subscription } from './subscription.js'

/** The most that one byte can say (RFC 3550 §5.1). */
export const PADDING_BYTES = 255

const padding = new Uint8Array(PADDING_BYTES)
padding[PADDING_BYTES - 1] = PADDING_BYTES
const noExtensions = newRtpView()
const noIds = new Uint8Array(0)

/** Whether `subscription` can carry padding whose arrival is told of. */
export function carriesPadding({ profile, rtxSsrc, types, kind }: Subscription): boolean {
  return kind === 'video' && rtxSsrc !== 0 && profile.numbered && types.rtxPt.some((pt) => pt >= 0)
}

/** Sends one packet. @returns false when the numbers of the RTX stream are used up */
export function sendPadding(context: ForwardContext, subscription: Subscription, nowMs: number): boolean {
  const { out, totals } = context
  const { downlink, profile, types } = subscription
  const extSeq = subscription.nextRtxSeq()
  if (extSeq > MAX_SENT) {
    totals.padding_refused++
    return false
  }
  out.begin(padding, 0, PADDING_BYTES, 0)
  profile.write(out, padding, noExtensions, noIds, nowMs)
  const extOffset = profile.numberedCopy(out, downlink.nextTransportSeq(PADDING_BYTES, nowMs))
  const markerPt = PADDING | types.rtxPt.find((pt) => pt >= 0)!
  const { transport } = downlink
  const timestamp = subscription.newestTimestamp
  out.row(transport, subscription.rtxSsrc, markerPt, extSeq, timestamp, extOffset, profile.length, 0, 0, 0)
  out.send()
  totals.padding_sent++
  return true
}
