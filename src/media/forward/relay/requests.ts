/**
 * What another worker asks of a publisher of ours, for those who get it there: keyframes, packets that the link lost, and as
 * much as they can use. It comes as the RTCP that a mirror would send to its publisher.
 */
import {
  feedbackMedia,
  firstRtcp,
  isNack,
  isPli,
  newRemb,
  newRtcpCursor,
  nextRtcp,
  type RtcpCursor,
  readNack,
  readRemb,
  rembSsrc,
} from '../../rtp/rtcp/index.js'
import { unwrapSeq } from '../../rtp/sequence.js'
import { OPUS_SILENCE } from '../audible/sound-gate.js'
import type { ForwardContext } from '../context.js'
import type { Encoding } from '../encoding.js'
import type { Peer } from '../peer.js'
import { Frame, passOn, type RelayRoute } from './link.js'
import { needFromWire } from './needs.js'

const cursor = newRtcpCursor()
const remb = newRemb()
const lost = new Uint16Array(512)
const routes: RelayRoute[] = []

/** Works through the compound packet `rx[offset … offset + length)` that came along `route` for `publisher`. */
export function takeRequests(
  context: ForwardContext,
  nowMs: number,
  publisher: Peer,
  route: RelayRoute,
  offset: number,
  length: number,
): void {
  for (let ok = firstRtcp(cursor, context.io.rx, offset, length); ok; ok = nextRtcp(cursor)) {
    if (isPli(cursor)) {
      const encoding = publisher.encodingOf(feedbackMedia(cursor))
      encoding?.watch.elsewhere(nowMs)
      encoding?.requestKeyframe(nowMs)
    } else if (isNack(cursor)) {
      const encoding = publisher.encodingOf(feedbackMedia(cursor))
      encoding?.watch.elsewhere(nowMs)
      if (encoding !== undefined) repeat(context, route, encoding, readNack(cursor, lost))
    } else if (readRemb(cursor, remb)) takeNeed(context, nowMs, publisher, route, cursor)
  }
}

/** One REMB for each m-line: what its viewers there can use, and which of its encodings they get. */
function takeNeed(
  { wake }: ForwardContext,
  nowMs: number,
  publisher: Peer,
  { mirror }: RelayRoute,
  c: RtcpCursor,
): void {
  let rose = false
  for (let i = 0; i < remb.ssrcCount; i++) {
    const encoding = publisher.encodingOf(rembSsrc(c, i))
    if (encoding === undefined) continue
    encoding.watch.elsewhere(nowMs)
    const needBps = needFromWire(remb.bitrateBps)
    if (publisher.publicationOf(encoding)?.needs.say(mirror, needBps, nowMs)) rose = true
  }
  // Less is seen with the next report.
  if (rose) wake(nowMs)
}

/**
 * What the history has of the packets goes along `route` again, as it came; what we lack ourselves comes when we get it. Of sound
 * that is gated it has what was audible, and the silence behind that, which each worker makes for itself.
 */
function repeat(context: ForwardContext, route: RelayRoute, encoding: Encoding, count: number): void {
  const { history, newestExtSeq } = encoding
  const gated = encoding.line.gate !== null
  routes[0] = route
  for (let i = 0; i < count; i++) {
    const slot = history.find(unwrapSeq(newestExtSeq, lost[i]!))
    if (slot < 0) continue
    const length = history.lengthOf(slot)
    if (gated && length - history.headerLengthOf(slot) === OPUS_SILENCE.length) continue
    const sent = passOn(context, routes, Frame.packet, history.bytes, history.offsetOf(slot), length)
    context.totals.relay_repeated += sent
  }
}
