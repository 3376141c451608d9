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
import { sctpReasonNames } from './endpoint/sctp/association.js'
import type { Distributions } from './forward/distribution.js'
import type { Peer, Router } from './forward/router.js'
import { ioCounterNames, type MediaIo } from './io/io.js'
import type { MediaRelay } from './media-relay.js'
import type { Seats } from './seats.js'

/** The parts of one endpoint. */
export interface EndpointParts {
  readonly endpoint: Endpoint
  readonly peer: Peer
}

/** What a worker counts in, beside its own totals. */
export interface CountingParts {
  readonly io: Pick<MediaIo, 'counters'>
  readonly seats: Seats
  readonly rooms: { readonly size: number }
  readonly window: { readonly bytes: number }
  readonly captures: { readonly size: number; readonly leftOut: number }
  readonly router: Router
  readonly mirrors: Pick<MediaRelay, 'totals' | 'live'>
}

/** What was dropped, by reason. */
export interface DropCounts {
  /** In the order of `iceReasonNames`. */
  readonly stun: Float64Array
  /** In the order of `sctpReasonNames`. */
  readonly sctp: Float64Array
}

/** @param own totals of the worker */
export function countersOf(
  own: Record<string, number>,
  drops: DropCounts,
  usage: Counters['usage'],
  { io, seats, rooms, window, captures, router, mirrors }: CountingParts,
): Counters {
  const totals: Record<string, number> = { ...own, ...router.totals, ...mirrors.totals() }
  totals.capture_left_out = captures.leftOut
  for (const [index, name] of ioCounterNames.entries()) totals[name] = io.counters[index]!
  for (const [index, name] of iceReasonNames.entries()) if (index > 0) totals[`drop_stun_${name}`] = drops.stun[index]!
  for (const [index, name] of sctpReasonNames.entries()) if (index > 0) totals[`drop_sctp_${name}`] = drops.sctp[index]!
  const live = {
    endpoints: seats.size,
    rooms: rooms.size,
    ufrags: seats.ufrags,
    relay_bytes: window.bytes,
    captures: captures.size,
    ...liveData(seats.all()),
    ...router.live(),
    ...mirrors.live(),
  }
  return { totals, live, distributions: distributionCounts(router.distributions), ...(usage && { usage }) }
}

function distributionCounts({ rtt, lossUp, lossDown }: Distributions): Counters['distributions'] {
  return { rtt_seconds: rtt.counts(), loss_up: lossUp.counts(), loss_down: lossDown.counts() }
}

/** What data channels hold now. */
function liveData(all: Iterable<EndpointParts>): Record<string, number> {
  const live = { associations: 0, channels: 0, buffered_bytes: 0, held_bytes: 0 }
  for (const { endpoint } of all) {
    const { associations, channels, bufferedBytes, heldBytes } = endpoint.live()
    live.associations += associations
    live.channels += channels
    live.buffered_bytes += bufferedBytes
    live.held_bytes += heldBytes
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
