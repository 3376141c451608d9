/** The m-lines towards a subscriber: their mids, order and SSRCs. Only ever appended to. */
import type { MediaKind } from '../media/control.js'
import type { SubscriberSlot } from './jsep.js'

/** The data m-line comes right after the first audio and video m-line. */
export const dataMid = '2'

/** Uniform 32-bit unsigned numbers. */
export type Random32 = () => number

/** The slots of a new subscriber: one audio, one video, whether or not the publisher sends anything yet. */
export function subscriberSlots(random: Random32): SubscriberSlot[] {
  return appendSlot(appendSlot([], 'audio', random), 'video', random)
}

/** @returns `slots` and one more of `kind`, with the next free mid and new SSRCs; the others are unchanged */
export function appendSlot(slots: readonly SubscriberSlot[], kind: MediaKind, random: Random32): SubscriberSlot[] {
  const ssrc = newSsrc(slots, [], random)
  const rtxSsrc = newSsrc(slots, [ssrc], random)
  const position = slots.length
  const mid = String(position < Number(dataMid) ? position : position + 1)
  const index = slots.filter((slot) => slot.kind === kind).length
  return [...slots, { mid, kind, index, ssrc, rtxSsrc }]
}

/** Non-zero and not yet used on this connection (RFC 3550 §8.1). */
function newSsrc(slots: readonly SubscriberSlot[], also: readonly number[], random: Random32): number {
  const taken = new Set([0, ...also, ...slots.flatMap(({ ssrc, rtxSsrc }) => [ssrc, rtxSsrc])])
  for (let attempt = 0; attempt < 100; attempt++) {
    const ssrc = random() >>> 0
    if (!taken.has(ssrc)) return ssrc
  }
  throw new Error('The source of random numbers repeats itself')
}

/** A subscriber's m-line as offered. */
export type OfferedMline = { mid: string; slot: SubscriberSlot } | { mid: string; slot?: never }

/** The order in our offers, and so in answers: audio, video, data, then what was appended. */
export function offeredMlines(slots: readonly SubscriberSlot[]): OfferedMline[] {
  const mlines: OfferedMline[] = slots.map((slot) => ({ mid: slot.mid, slot }))
  mlines.splice(Number(dataMid), 0, { mid: dataMid })
  return mlines
}
