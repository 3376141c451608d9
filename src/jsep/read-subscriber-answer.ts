/** Reads a subscriber's answer to one of our offers. */
import type { DtlsParameters, MediaKind, SendStream } from '../media/control.js'
import { matchSubscriberCodecs, toPayloadType } from './codecs.js'
import { acceptedExtensions } from './extensions.js'
import {
  type CodecPolicy,
  type RemoteDescription,
  type RemoteMline,
  type Result,
  refuse,
  type SubscriberAnswer,
  type SubscriberSlot,
} from './jsep.js'
import { offeredMlines } from './slots.js'

/**
 * M-lines must come in the order of the offer. One that is missing counts as declined: naf-janus-adapter cuts
 * video m-lines out of offers in browsers without H264, and answers what is left.
 *
 * @param slots as they were in the offer that this answers
 * @param policy as it was in that offer
 * @param role our DTLS role, when this renegotiates a connection that has one
 */
export function readSubscriberAnswer(
  answer: RemoteDescription,
  slots: readonly SubscriberSlot[],
  policy: CodecPolicy,
  role?: DtlsParameters['role'],
): Result<SubscriberAnswer> {
  if (answer.setup === 'actpass') return refuse('The answer has a=setup:actpass; active or passive is needed')
  const ourRole = answer.setup === 'active' ? 'server' : 'client'
  if (role !== undefined && role !== ourRole) {
    return refuse(`The answer has a=setup:${answer.setup}, which would turn the DTLS roles around`)
  }
  const mlines = align(answer, slots)
  if (!mlines.ok) return mlines
  const streams = slots.map((slot) => sendStream(slot, mlines.value.get(slot.mid), policy))
  return { ok: true, value: { dtls: { role: ourRole, fingerprint: answer.fingerprint }, streams } }
}

/** @returns the m-lines that were not declined, by mid */
function align(answer: RemoteDescription, slots: readonly SubscriberSlot[]): Result<Map<string, RemoteMline>> {
  const offered = offeredMlines(slots)
  const accepted = new Map<string, RemoteMline>()
  let position = 0
  for (const [index, mline] of answer.mlines.entries()) {
    const found = offered.findIndex(({ mid }) => mid === mline.mid)
    if (found < 0) return refuse(`M-line ${index} of the answer has a mid that was not offered`)
    if (found < position) return refuse(`M-line ${index} of the answer is not at its place in the offer`)
    const type = offered[found]!.slot?.kind ?? 'application'
    if (mline.type !== type) return refuse(`M-line ${index} of the answer is ${mline.type}, but ${type} was offered`)
    position = found + 1
    if (!mline.rejected) accepted.set(mline.mid, mline)
  }
  return { ok: true, value: accepted }
}

/** What a client takes on an m-line. */
type Accepted = Pick<SendStream, 'payloadTypes' | 'extensions' | 'active'>

/** By m-line, which many connections may have in common (`read-answer.ts`), and by what was offered on it. */
const accepted = new WeakMap<RemoteMline, { policy: CodecPolicy; kind: MediaKind; accepted: Accepted }>()

function acceptedOn(mline: RemoteMline, kind: MediaKind, policy: CodecPolicy): Accepted {
  const known = accepted.get(mline)
  if (known?.policy === policy && known.kind === kind) return known.accepted
  const payloadTypes = matchSubscriberCodecs(kind, mline.payloadTypes, policy).map(toPayloadType)
  const receives = mline.direction === 'recvonly' || mline.direction === 'sendrecv'
  const extensions = acceptedExtensions(kind, mline)
  const found = {
    payloadTypes: Object.freeze(payloadTypes),
    extensions: Object.freeze(extensions),
    active: receives && payloadTypes.length > 0,
  }
  accepted.set(mline, { policy, kind, accepted: found })
  return found
}

function sendStream(slot: SubscriberSlot, mline: RemoteMline | undefined, policy: CodecPolicy): SendStream {
  const { mid, kind, index, ssrc } = slot
  if (mline === undefined) {
    return { mid, kind, index, ssrc, rtxSsrc: 0, payloadTypes: [], extensions: {}, active: false }
  }
  const found = acceptedOn(mline, kind, policy)
  const repairs = found.payloadTypes.some(({ rtxPt }) => rtxPt !== undefined)
  return { mid, kind, index, ssrc, rtxSsrc: repairs ? slot.rtxSsrc : 0, ...found }
}
