/** What passes on a connection's m-lines, in the words of the Janus layer: for `handle_info` and for event handlers. */
import type { DataTraffic, HandleFigures, MediaTraffic, MlinePlace } from '../janus/handle-info.js'
import type { EndpointFigures, LineFigures } from '../media/control.js'
import type { MlineOrder } from './mline-order.js'

/** A worker knows mids, not positions. -1 = the m-line is in no description of ours (yet). */
const place = (mid: string, { positions }: MlineOrder): MlinePlace => ({ mid, mindex: positions.get(mid) ?? -1 })

export function mediaTraffic(line: LineFigures, direction: MediaTraffic['direction'], order: MlineOrder): MediaTraffic {
  const { kind, clockRate, figures, codec = '' } = line
  return { ...place(line.mid, order), kind, direction, codec, clockRate, figures }
}

/** @returns undefined when there is no data m-line */
export const dataPlace = (order: MlineOrder): MlinePlace | undefined =>
  order.dataMid === undefined ? undefined : place(order.dataMid, order)

export function handleFigures(
  { sessionId, handleId }: Pick<HandleFigures, 'sessionId' | 'handleId'>,
  { inbound, outbound, estimateBps, data }: EndpointFigures,
  order: MlineOrder,
): HandleFigures {
  const at = data && dataPlace(order)
  const traffic: DataTraffic | undefined = at && { ...at, received: data.received, sent: data.sent }
  return {
    ...{ sessionId, handleId },
    media: [
      ...inbound.map((line) => mediaTraffic(line, 'receive', order)),
      ...outbound.map((line) => mediaTraffic(line, 'send', order)),
    ],
    ...(estimateBps !== undefined && { estimateBps }),
    ...(traffic && { data: traffic }),
  }
}
