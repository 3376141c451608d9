/** What the endpoints of a worker add up to, and what passed on their m-lines. */
import {
  type Counters,
  type EndpointFigures,
  type EndpointId,
  FIGURES_LINES_MAX,
  type FiguresPage,
  type InboundInfo,
  type LineFigures,
  type OutboundInfo,
} from './control.js'
import type { Endpoint } from './endpoint/endpoint.js'
import { iceReasonNames } from './endpoint/ice.js'
import { sctpCounts, sctpReasonNames } from './endpoint/sctp/association.js'
import type { Distributions } from './forward/distribution.js'
import type { Peer } from './forward/router.js'
import { ioCounterNames, type MediaIo } from './io/io.js'

/** The parts of one endpoint. */
export interface EndpointParts {
  readonly endpoint: Endpoint
  readonly peer: Peer
}

/** `totals`, and beside them what other parts count, by name. @param stunDrops in the order of `iceReasonNames` */
export function countedTotals(
  totals: Record<string, number>,
  captures: { readonly leftOut: number },
  io: Pick<MediaIo, 'counters'>,
  stunDrops: Float64Array,
): Record<string, number> {
  const all: Record<string, number> = { ...totals, capture_left_out: captures.leftOut }
  for (const [index, name] of ioCounterNames.entries()) all[name] = io.counters[index]!
  for (const [index, name] of iceReasonNames.entries()) if (index > 0) all[`drop_stun_${name}`] = stunDrops[index]!
  for (const [index, name] of sctpReasonNames.entries()) if (index > 0) all[`drop_sctp_${name}`] = sctpCounts[index]!
  return all
}

export function distributionCounts({ rtt, lossUp, lossDown }: Distributions): Counters['distributions'] {
  return { rtt_seconds: rtt.counts(), loss_up: lossUp.counts(), loss_down: lossDown.counts() }
}

/** What data channels hold now. */
export function liveData(all: Iterable<EndpointParts>): {
  associations: number
  channels: number
  buffered_bytes: number
} {
  const live = { associations: 0, channels: 0, buffered_bytes: 0 }
  for (const { endpoint } of all) {
    const { associations, channels, bufferedBytes } = endpoint.live()
    live.associations += associations
    live.channels += channels
    live.buffered_bytes += bufferedBytes
  }
  return live
}

/**
 * Figures of the endpoints that are up, in the order of their numbers.
 * @param all in the order of their numbers
 * @param after number of the endpoint behind which to begin
 */
export function figuresPage(all: Iterable<[EndpointId, EndpointParts]>, nowMs: number, after: EndpointId): FiguresPage {
  const endpoints: EndpointFigures[] = []
  let lines = 0
  for (const [id, { endpoint, peer }] of all) {
    if (id <= after || !endpoint.connected) continue
    if (lines >= FIGURES_LINES_MAX) return { endpoints, next: endpoints.at(-1)!.endpoint }
    const { inbound, outbound, uplink, downlink } = peer.info(nowMs)
    const estimateBps = (outbound.length > 0 ? downlink.estimateBps : uplink.estimateBps) ?? 0
    const data = endpoint.traffic()
    const streams = { inbound: inbound.map(lineFigures), outbound: outbound.map(lineFigures) }
    endpoints.push({ endpoint: id, ...streams, ...(estimateBps > 0 && { estimateBps }), ...(data && { data }) })
    lines += inbound.length + outbound.length + (data ? 1 : 0)
  }
  return { endpoints, next: 0 }
}

function lineFigures({ mid, kind, clockRate, figures, payloadTypes }: InboundInfo | OutboundInfo): LineFigures {
  const codec = payloadTypes[0]?.codec
  return { mid, kind, clockRate, figures, ...(codec && { codec }) }
}
