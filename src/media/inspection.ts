/** What workers tell of themselves when they are asked. Terms of `control.ts`. */
import type {
  CodecName,
  DtlsParameters,
  EndpointId,
  ExtensionIds,
  Fingerprint,
  MediaKind,
  PayloadType,
} from './streams.js'

/** Totals since the worker started, and gauges of what is alive. */
export interface Counters {
  /** Monotonic totals by name, e.g. `forwarded_packets`, `drop_srtp_auth`. */
  totals: Record<string, number>
  /** Live objects by kind: endpoints, transports, publications, subscriptions, associations, channels, rooms. */
  live: Record<string, number>
  /** Values of the network by name: `rtt_seconds`, `loss_up`, `loss_down`. */
  distributions: Record<string, DistributionCounts>
  /** What the process itself uses; absent where there is no process. */
  usage?: Usage
}

/** Buckets with upper bounds, and one more for what is above the last. Counts are not cumulative. */
export interface DistributionCounts {
  bounds: number[]
  counts: number[]
  sum: number
}

/** What a process uses, since its start. */
export interface Usage {
  cpuSeconds: number
  residentBytes: number
  heapBytes: number
  /** How late its timers are, over the last seconds. */
  lagSeconds: { mean: number; p99: number; max: number }
}

export interface SocketAddress {
  ip: string
  port: number
}

/** Packets of RTP payload; `bytes` are payload bytes. */
export interface StreamFigures {
  packets: number
  bytes: number
  /** Bytes of the last full second. */
  bytesLastSecond: number
  /** Numbers asked for again. */
  nacks: number
  /** Packets that came, or were sent, again. */
  retransmissions: number
  /** Lost and not recovered by RTX, as RTCP counts (RFC 3550 §6.4.1). */
  lost: number
  /** Share lost between the last two reports, 0…1. */
  lossShare: number
  /** The same after repair: packets that came, or were sent, again do not count as lost. */
  unrepairedShare: number
  /** Interarrival jitter in ms. */
  jitterMs: number
  /** Round trip, 0 = unknown. */
  rttMs: number
}

interface StreamInfo {
  mid: string
  kind: MediaKind
  index: number
  payloadTypes: readonly PayloadType[]
  extensions: Readonly<ExtensionIds>
  clockRate: number
  figures: StreamFigures
}

/** One encoding of an m-line: all that it sends, without simulcast. */
export interface EncodingInfo {
  /** '' without simulcast. */
  rid: string
  /** Absent before the first packet. */
  ssrc?: number
  receiving: boolean
  /** Subscriptions that get it. */
  subscriptions: number
  figures: StreamFigures
}

/** An m-line on which the peer sends to us; its figures are those of all encodings. */
export interface InboundInfo extends StreamInfo {
  /** SSRC of the best encoding; undefined before the first packet. */
  ssrc?: number
  /** Simulcast encoding of that SSRC; '' without simulcast. */
  rid: string
  nack: boolean
  receiving: boolean
  /** Sound, where only the loudest are forwarded: whether this one is. */
  audible?: boolean
  /** Subscriptions that are fed by it. */
  subscriptions: number
  encodings: EncodingInfo[]
}

/** An m-line on which we send to the peer. */
export interface OutboundInfo extends StreamInfo {
  ssrc: number
  /** 0 = none. */
  rtxSsrc: number
  active: boolean
  /** A publication feeds it. */
  fed: boolean
  awaitsKeyframe: boolean
  /** Highest layers that its link allows, what is missing is not limited; null = nothing for now. */
  target: { spatial?: number; temporal?: number } | null
  /** Why it does not get the best that there is: its link does not hold it, or not even the least; '' = it does. */
  limit: '' | 'budget' | 'paused'
}

/** What passed on one m-line, out of `InboundInfo` or `OutboundInfo`. */
export interface LineFigures extends Pick<StreamInfo, 'mid' | 'kind' | 'clockRate' | 'figures'> {
  /** The primary one; absent when none was negotiated. */
  codec?: CodecName
}

export interface EndpointFigures {
  endpoint: EndpointId
  inbound: LineFigures[]
  outbound: LineFigures[]
  /** What the path holds: to the peer if anything is sent to it, else from it; bit/s. Absent while nothing is known. */
  estimateBps?: number
  /** Absent without an SCTP association. */
  data?: Pick<EndpointInfo['data'], 'received' | 'sent'>
}

export interface FiguresPage {
  endpoints: EndpointFigures[]
  /** The last endpoint told of when there are more after it, else 0. */
  next: EndpointId
}

/** The path from a peer to us, all that it sends together. */
export interface UplinkInfo {
  /** Its packets are numbered, and it is told when they arrived. */
  transportCc: boolean
  /** Packets of such feedback. */
  feedbackSent: number
  /** The most that it is asked for, bit/s. */
  capBps: number
  /** What its path holds, of a publisher of video that does not estimate it by itself; bit/s. */
  estimateBps?: number
}

/** The path from us to a peer, all its streams together. */
export interface DownlinkInfo {
  /** Its packets are numbered, and it tells when they arrived. */
  transportCc: boolean
  /** What its link holds, as far as is known, for all connections of the client together; bit/s, 0 = nothing is known. */
  estimateBps: number
  /** The link was seen to be full lately; if not, the estimate only says what has been tried. */
  limited: boolean
  /** What came through of this connection lately, bit/s; 0 = not known. */
  acknowledgedBps: number
  /** By its feedback, 0 = unknown. */
  rttMs: number
  /** Share of packets lost lately, 0…1, of all connections of the client. */
  lossShare: number
  /** What video beyond a burst is held to, bit/s; 0 = not paced. */
  pacingBps: number
  /** Video that waits for its turn, and for how long the first does. */
  waitingPackets: number
  waitingMs: number
  /** Connections of the client that share the link, this one too; 0 = nothing is known. */
  connections: number
}

/** What a worker knows of one endpoint; ages are in ms before the answer. */
export interface EndpointInfo {
  ice: {
    state: 'new' | 'checking' | 'connected' | 'failed'
    /** Where everything is sent; `socket` is the index of the address in `listen`, as in `Candidate.foundation` − 1. */
    selected?: SocketAddress & { socket: number }
    connectedAgoMs?: number
  }
  dtls: {
    state: 'new' | 'connecting' | 'connected'
    role?: DtlsParameters['role']
    /** The peer's. */
    fingerprint?: Fingerprint
    /** RFC 5764 and RFC 7714 names; absent without SRTP. */
    srtpProfile?: string
    startedAgoMs?: number
    connectedAgoMs?: number
  }
  /** SCTP packets and bytes inside DTLS. */
  data: {
    association: boolean
    channels: number
    bufferedBytes: number
    received: { packets: number; bytes: number }
    sent: { packets: number; bytes: number }
  }
  /** Nothing of its source reaches it: it has none, or may not hear it. */
  paused: boolean
  /** Latest REMB of the peer, bit/s; 0 = none. */
  rembBps: number
  uplink: UplinkInfo
  downlink: DownlinkInfo
  inbound: InboundInfo[]
  outbound: OutboundInfo[]
}
