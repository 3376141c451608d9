/** What operators are told about a connection: who it is, and what its worker knows of its PeerConnection. */
import type { HandleInfo, MediaInfo, PeerConnectionInfo } from '../janus/handle-info.js'
import { extensions as knownExtensions } from '../jsep/extensions.js'
import type { EncodingInfo, EndpointInfo, ExtensionName, InboundInfo, OutboundInfo } from '../media/control.js'
import type { PooledEndpoint } from '../media/pool-types.js'
import type { MlineOrder } from './mline-order.js'
import type { Negotiation } from './negotiation.js'
import { type Profile, profiles } from './profile.js'
import { dataPlace, mediaTraffic } from './traffic.js'

/** Candidates listed of a client: browsers have some dozens. */
const CANDIDATES_MAX = 64

/** A connection, as far as it is told of. */
export interface Described {
  readonly joined: { readonly room: { readonly id: string }; readonly userId: string } | undefined
  readonly profile: Profile
  readonly hasIdentity: boolean
  readonly notifications: boolean
  readonly data: boolean
  readonly media: string | undefined
  readonly source: object | undefined
  readonly subscribes: boolean
  readonly negotiator: Negotiation
}

export async function handleInfo(connection: Described): Promise<HandleInfo> {
  const { negotiator } = connection
  const { endpoint } = negotiator
  // What is said is of one moment: before the worker answers, more may happen to the connection.
  const told = { specific: specific(connection), local: negotiator.localSdp, remote: negotiator.remoteSdp }
  const { order } = negotiator
  const offerFrom = negotiator.subscribes ? ('server' as const) : ('client' as const)
  const negotiated = negotiator.state === 'stable'
  const info = await endpoint?.inspect()
  if (!endpoint || !info) return { specific: told.specific }
  const { local, remote } = told
  return {
    specific: { ...told.specific, worker: endpoint.worker, paused: info.paused },
    peerConnection: {
      ...{ offerFrom, negotiated },
      ...(local !== undefined && { local }),
      ...(remote !== undefined && { remote }),
      ...peerConnection(endpoint, info, order, remote),
    },
  }
}

function specific(connection: Described): Record<string, unknown> {
  const profile = Object.entries(profiles).find(([, profile]) => profile === connection.profile)?.[0]
  return {
    ...(connection.joined && { room_id: connection.joined.room.id, user_id: connection.joined.userId }),
    profile,
    has_identity: connection.hasIdentity,
    notifications: connection.notifications,
    data: connection.data,
    ...(connection.media !== undefined && { media: connection.media }),
    publishes: connection.source !== undefined,
    subscribes: connection.subscribes,
  }
}

type Rest = Omit<PeerConnectionInfo, 'offerFrom' | 'negotiated' | 'local' | 'remote'>

function peerConnection(endpoint: PooledEndpoint, info: EndpointInfo, order: MlineOrder, remoteSdp = ''): Rest {
  const { ice, dtls, data, rembBps, uplink, downlink } = info
  const local = endpoint.candidates.find(({ foundation }) => Number(foundation) === (ice.selected?.socket ?? -2) + 1)
  const { fingerprint: remoteFingerprint, ...rest } = dtls
  const dataAt = data.association ? dataPlace(order) : undefined
  return {
    ice: {
      state: ice.state,
      localCandidates: endpoint.candidates.map(
        ({ foundation, component, protocol, priority, ip, port, tcpType }) =>
          `${foundation} ${component} ${protocol} ${priority} ${ip} ${port} typ host${tcpType ? ` tcptype ${tcpType}` : ''}`,
      ),
      remoteCandidates: candidatesOf(remoteSdp),
      ...(ice.selected &&
        local && {
          selected: { protocol: local.protocol, local: { ip: local.ip, port: local.port }, remote: ice.selected },
        }),
      ...(ice.connectedAgoMs !== undefined && { connectedAgoMs: ice.connectedAgoMs }),
    },
    dtls: {
      ...rest,
      fingerprint: endpoint.fingerprint.value,
      ...(remoteFingerprint && { remoteFingerprint }),
      received: data.received,
      sent: data.sent,
    },
    extensions: extensionsOf([...info.inbound, ...info.outbound]),
    media: [...info.inbound.map((line) => inbound(line, order)), ...info.outbound.map((line) => outbound(line, order))],
    ...(dataAt && { data: { ...dataAt, channels: data.channels, bufferedBytes: data.bufferedBytes } }),
    ...(rembBps > 0 && { rembBps }),
    ...(info.inbound.length > 0 && { uplink }),
    ...(info.outbound.length > 0 && { downlink }),
  }
}

function candidatesOf(sdp: string): string[] {
  const lines = [...sdp.matchAll(/^a=candidate:(.+?)\r?$/gm)].map(([, candidate]) => candidate!)
  // Browsers repeat them on each m-line.
  return [...new Set(lines)].slice(0, CANDIDATES_MAX)
}

function extensionsOf(lines: readonly (InboundInfo | OutboundInfo)[]): Record<string, number> {
  const ids: Record<string, number> = {}
  for (const line of lines) {
    for (const [name, id] of Object.entries(line.extensions)) ids[knownExtensions[name as ExtensionName].uri] = id
  }
  return ids
}

function inbound(line: InboundInfo, order: MlineOrder): MediaInfo {
  return {
    ...common(line, 'receive', order),
    active: line.receiving,
    ...(line.ssrc !== undefined && { ssrc: line.ssrc }),
    nack: line.nack,
    more: {
      subscriptions: line.subscriptions,
      ...(line.audible !== undefined && { audible: line.audible }),
      ...(line.rid !== '' && { rid: line.rid, encodings: line.encodings.map(encoding) }),
    },
  }
}

function outbound(line: OutboundInfo, order: MlineOrder): MediaInfo {
  return {
    ...common(line, 'send', order),
    active: line.fed,
    ssrc: line.ssrc,
    ...(line.rtxSsrc !== 0 && { rtxSsrc: line.rtxSsrc }),
    nack: true,
    more: {
      awaits_keyframe: line.awaitsKeyframe,
      ...(line.kind === 'video' && { target: line.target, ...(line.limit !== '' && { limit: line.limit }) }),
    },
  }
}

/** One of simulcast. */
function encoding({ rid, ssrc, receiving, subscriptions, figures }: EncodingInfo) {
  const bps = figures.bytesLastSecond * 8
  return { rid, ...(ssrc !== undefined && { ssrc }), active: receiving, subscriptions, bps }
}

function common(line: InboundInfo | OutboundInfo, direction: MediaInfo['direction'], order: MlineOrder) {
  const [type] = line.payloadTypes
  const { mid, kind, clockRate, figures } = line
  const traffic = { mid, kind, clockRate, figures, ...(type && { codec: type.codec }) }
  return { ...mediaTraffic(traffic, direction, order), pt: type?.pt ?? -1, rtx: type?.rtxPt !== undefined }
}
