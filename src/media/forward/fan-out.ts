/** One received packet to all who get it. */
import type { ForwardContext } from './context.js'
import { rewriteDescriptor } from './descriptor-rewrite.js'
import type { Packet } from './packet.js'
import { Cell } from './state-rows.js'
import { newDecision, type PacketSource, type Subscription } from './subscription.js'
import { countDrop, Drop } from './totals.js'

const decision = newDecision()

/**
 * Asks each subscription and sends one row for each that wants the packet.
 * @param sourceIds from `copiedIds`, of the stream that the packet came on
 * @param source where the packet can be had later, if it has to wait; null = it has waited
 * @param nowMs `packet.nowMs`: an argument, since each read of the field would box it anew (ADR 9)
 */
export function fanOut(
  context: ForwardContext,
  packet: Packet,
  subscriptions: readonly Subscription[],
  sourceIds: Uint8Array,
  source: PacketSource | null,
  nowMs: number,
): void {
  const { out, totals, rows } = context
  const { cells } = rows
  const { view, bytes, payloadLength } = packet
  const queuedBefore = out.queued
  out.begin(bytes, packet.offset, packet.length, packet.headerLength)
  for (let i = 0; i < subscriptions.length; i++) {
    const subscription = subscriptions[i]!
    out.makeRoom()
    try {
      if (subscription.paced && source !== null && subscription.downlink.holds(subscription, source, packet, nowMs))
        continue
      const reason = subscription.decide(packet, decision)
      if (reason !== Drop.none) {
        countDrop(totals, reason)
        continue
      }
      const { at, profile } = subscription
      if (!profile.isWritten(out)) profile.write(out, bytes, view, sourceIds, nowMs)
      let extOffset = profile.offset
      let { skip } = decision
      let prefix = 0
      let prefixLength = 0
      if (decision.rewritten) {
        prefixLength = rewriteDescriptor(
          packet.codec,
          bytes,
          packet.offset + packet.headerLength,
          decision,
          out.scratch,
          out.at,
        )
        prefix = out.take(prefixLength)
        skip = prefixLength
      }
      const sentBytes = payloadLength - skip + prefixLength
      if (profile.numbered)
        extOffset = profile.numberedCopy(out, subscription.downlink.nextTransportSeq(sentBytes, nowMs))
      out.forward(cells, at, decision, extOffset, profile.length, prefix, prefixLength, skip)
      cells[at + Cell.packets]!++
      cells[at + Cell.octets]! += sentBytes
      totals.forwarded_bytes += sentBytes
    } catch (error) {
      // Neither who sent the packet nor who else gets it is to blame.
      context.blame(subscription.downlink.transport, error)
    }
  }
  out.send()
  totals.forwarded_packets += out.queued - queuedBefore
}
