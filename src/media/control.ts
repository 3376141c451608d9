/**
 * Everything that crosses between the main process and a media worker, both directions.
 *
 * Plain data only (structured clone over the fork channel). The channel keeps order: a command is carried
 * out before the next one is looked at. A command with `ask` is answered by one `done` with that number,
 * after it has taken effect. Workers know parameters; SDP, tokens, sessions and names of plugins never
 * come here.
 */

/** Number of an endpoint (one peer connection), unique for the life of the main process. */
export type EndpointId = number

/** Endpoints that a worker takes at once. The main process counts them and asks for no more. */
export const MAX_ENDPOINTS = 4096

/**
 * M-lines that one answer about all endpoints tells of, give or take those of the last endpoint: whatever a worker makes
 * and sends in one go holds up packets.
 */
export const FIGURES_LINES_MAX = 512

export interface IceCredentials {
  /** RFC 8445: 4–256 ice-chars. */
  ufrag: string
  /** 22–256 ice-chars. */
  pwd: string
}

export interface Fingerprint {
  algorithm: 'sha-256' | 'sha-384' | 'sha-512'
  /** Upper-case hex with colons. */
  value: string
}

export interface DtlsParameters {
  /** OUR role: `client` when our SDP says setup:active. */
  role: 'client' | 'server'
  fingerprint: Fingerprint
}

/** A host candidate of a worker (RFC 8839 §5.1). */
export interface Candidate {
  foundation: string
  component: 1
  protocol: 'udp' | 'tcp'
  priority: number
  ip: string
  port: number
  tcpType?: 'passive'
}

export type MediaKind = 'audio' | 'video'

/** Codecs that rostra can forward, by the name that SDP uses. */
export type CodecName = 'opus' | 'red' | 'VP8' | 'VP9' | 'H264' | 'AV1'

/** Header extensions that rostra reads or carries; URIs are in `jsep/extensions.ts`. */
export type ExtensionName =
  | 'mid'
  | 'rid'
  | 'repaired-rid'
  | 'audio-level'
  | 'abs-send-time'
  | 'abs-capture-time'
  | 'video-orientation'
  | 'playout-delay'
  | 'dependency-descriptor'
  | 'transport-cc'

/** Ids (1–255) by name, as negotiated on one m-line. */
export type ExtensionIds = Partial<Record<ExtensionName, number>>

/**
 * Streams of one codec that SDP negotiates apart: H264 by profile and packetization mode (RFC 6184 §8.1). `baseline/0` is
 * the Baseline profile in single-NAL-unit mode.
 */
export type H264Variant =
  | 'constrained-baseline/1'
  | 'constrained-baseline/0'
  | 'baseline/1'
  | 'baseline/0'
  | 'constrained-high/1'
  | 'high/1'

export interface PayloadType {
  codec: CodecName
  /** Of H264; absent = `constrained-baseline/1`. */
  variant?: H264Variant
  /** 0–127. */
  pt: number
  /** Payload type of its RTX stream (RFC 4588); absent when not negotiated. */
  rtxPt?: number
}

/** Encodings of one m-line that are used; further ones are not asked for. */
export const MAX_ENCODINGS = 4

/** One simulcast encoding of an m-line (RFC 8853). */
export interface SimulcastEncoding {
  /** RFC 8851 identifier, as in the `rid` header extension: 1–16 letters and digits. '' = known by its SSRC. */
  rid: string
  /** From an `a=ssrc-group:SIM`; absent with a rid, whose SSRC is learnt. */
  ssrc?: number
}

/** One m-line on which a publisher sends to us. */
export interface ReceiveStream {
  mid: string
  kind: MediaKind
  /**
   * Number among the m-lines of its kind, 0 first: what a subscriber's stream of the same index gets. An m-line keeps it
   * while it sends. Of several streams of a kind and index only one is active.
   */
  index: number
  /** Accepted payload types, primary codec first. */
  payloadTypes: PayloadType[]
  /** Clock rate of the primary codec in Hz. */
  clockRate: number
  /** SSRCs from the SDP, if it had any; others are learnt by mid, then by payload type. */
  ssrcs: { ssrc: number; rtxSsrc?: number }[]
  /**
   * Simulcast that was accepted, 2 to `MAX_ENCODINGS` in the order of the SDP, which says nothing about their size; absent =
   * the m-line has one encoding.
   */
  encodings?: SimulcastEncoding[]
  extensions: ExtensionIds
  /** NACK was negotiated (RFC 4585 generic nack). */
  nack: boolean
  /** false: the m-line is there but the peer does not send (inactive, recvonly). */
  active: boolean
}

/** One m-line on which we send to a subscriber. */
export interface SendStream {
  mid: string
  kind: MediaKind
  /** Fed by the publisher's ReceiveStream with the same kind and index. */
  index: number
  ssrc: number
  /** 0 when RTX was not negotiated. */
  rtxSsrc: number
  /** What the subscriber accepted. A publisher's codec that is missing here is not sent. */
  payloadTypes: PayloadType[]
  extensions: ExtensionIds
  active: boolean
}

/** The most that a subscriber wants of a stream; an absent field bounds nothing. */
export interface StreamPreference {
  /** Pixels. Of several encodings the best that is no larger is sent, or the smallest one when all are larger. */
  maxWidth?: number
  maxHeight?: number
  /** Layers (RFC 9626: L and S, counted from 0 = smallest). */
  maxSpatial?: number
  maxTemporal?: number
  /** Nothing is sent. */
  paused?: boolean
}

/** What a subscriber wants of its m-lines: of those in `mids` what is said there, of others what is said of their kind. */
export interface Preferences {
  audio?: StreamPreference
  video?: StreamPreference
  mids: { mid: string; preference: StreamPreference }[]
}

/** RFC 8832 channel parameters. */
export interface ChannelParameters {
  label: string
  protocol: string
  ordered: boolean
  /** At most one of these two; neither = reliable. */
  maxRetransmits?: number
  maxPacketLifeTimeMs?: number
}

/** A data-channel message on its way from one worker's publishers to another worker's. */
export interface RelayedData {
  room: string
  from: string
  channel: ChannelParameters
  binary: boolean
  payload: Uint8Array
}

export interface CaptureOptions {
  /** Absolute; must not exist yet, but its folder must. */
  file: string
  format: 'pcap' | 'text2pcap'
  /** Bytes kept of each packet; 0 = all. */
  truncateBytes: number
  /** The capture ends when its file would grow beyond. */
  maxBytes: number
}

export type CaptureAnswer = 'started' | 'stopped' | 'already started' | 'not started' | { problem: string }

export interface WorkerLimits {
  /** Bytes queued towards one data-channel receiver before it is cut off. */
  dataBufferBytes: number
  /** Longest data-channel message in bytes, as `a=max-message-size` says. */
  maxMessageBytes: number
  /** REMB ceiling per publisher, bit/s. */
  maxPublisherBps: number
  /** How many speakers of a room are forwarded at once; absent or 0 = all. */
  audible?: number
}

/** Speakers of one room that a worker forwards, told to the other workers that have the room. */
export interface RoomSpeakers {
  room: string
  speakers: {
    /** Unique in the room. */
    id: string
    /** 0 … 127 dB above silence, smoothed. */
    loudness: number
    /** Since it was last loud enough for speech; at most 60,000. */
    quietMs: number
  }[]
}

/** What operators may change while workers run. */
export interface MediaSettings {
  /** Without RTP for so long an m-line is told to be not receiving; 0 = never. Whole seconds. */
  noMediaMs: number
  /** Packets lost within a second for a `slowlink`; 0 = never. */
  slowlinkThreshold: number
}

export const defaultMediaSettings: Readonly<MediaSettings> = { noMediaMs: 1000, slowlinkThreshold: 0 }

export type Command = { ask?: number } & (
  | {
      kind: 'start'
      index: number
      /** Port for all of `listen`; 0 = any. */
      port: number
      listen: { address: string; announced: string }[]
      /** Whether it listens on TCP beside UDP. */
      tcp: boolean
      limits: WorkerLimits
      settings: MediaSettings
    }
  /** Holds from now on, for what is there already too. */
  | { kind: 'configure'; settings: MediaSettings }
  /** A new peer. `local` are the credentials that our SDP carries. */
  | { kind: 'open'; endpoint: EndpointId; local: IceCredentials }
  /** The peer's description arrived: checks and DTLS may go on. A changed `ice` is an ICE restart of the peer. */
  | { kind: 'connect'; endpoint: EndpointId; remote: IceCredentials; dtls: DtlsParameters }
  /** New local credentials (ICE restart); the old ones stay valid until a check with the new ones passes. */
  | { kind: 'restart'; endpoint: EndpointId; local: IceCredentials }
  /** What the peer sends, whole: m-lines that are missing have ended. */
  | { kind: 'receive'; endpoint: EndpointId; streams: ReceiveStream[] }
  /** What we send to the peer, whole. SSRCs of an m-line never change. */
  | { kind: 'send'; endpoint: EndpointId; streams: SendStream[] }
  /** What the peer wants of what we send to it, whole; holds for m-lines to come too. */
  | { kind: 'prefer'; endpoint: EndpointId; preferences: Preferences }
  /** Whose streams feed this subscriber; the publisher may appear later or never. Must be on the same worker. */
  | { kind: 'source'; endpoint: EndpointId; publisher: EndpointId | null }
  /** The endpoint's connection joined (or its flags changed): user and room for blocks and the data relay. */
  | { kind: 'place'; endpoint: EndpointId; room: string; user: string; relaysData: boolean; receivesData: boolean }
  /** Between two users of a room nothing passes, either way. Symmetric; setting twice is harmless. */
  | { kind: 'block'; room: string; users: [string, string]; blocked: boolean }
  /** Whether the room has endpoints on other workers: then data messages are also reported as `relay`. */
  | { kind: 'spread'; room: string; elsewhere: boolean }
  /** Messages from another worker. Answered when the receivers' associations have them, or have refused them. */
  | { kind: 'relay'; data: RelayedData[] }
  /** The other workers have taken the batch that this worker reported under that number. */
  | { kind: 'relayed'; batch: number }
  /** Who of spread rooms is forwarded by another worker, whose number is `from`. */
  | { kind: 'speakers'; from: number; rooms: RoomSpeakers[] }
  /** The room is empty: forget its blocks. */
  | { kind: 'forget'; room: string }
  /** Ends the peer (DTLS close_notify). No `closed` follows. */
  | { kind: 'close'; endpoint: EndpointId }
  /** Answered with a `Counters` value. */
  | { kind: 'counters' }
  /** Answered with an `EndpointInfo` value; with none when there is no such endpoint (any more). */
  | { kind: 'inspect'; endpoint: EndpointId }
  /** Answered with the figures of all endpoints whose number is above `after`, or of the first of them. */
  | { kind: 'figures'; after: EndpointId }
  /**
   * Begins to capture clear RTP and RTCP of an endpoint, both ways, or ends it (null). Answered with a `CaptureAnswer`
   * value; with none when there is no such endpoint. A capture ends with its endpoint.
   */
  | { kind: 'capture'; endpoint: EndpointId; capture: CaptureOptions | null }
  /** Closes everything and exits 0. */
  | { kind: 'stop' }
)

/** Why a peer connection ended, in Janus' words. */
export type HangupReason =
  | 'DTLS alert'
  | 'ICE failed'
  | 'DTLS timeout'
  | 'DTLS error'
  | 'Fingerprint mismatch'
  | 'Internal error'

export type Report =
  | { kind: 'ready'; fingerprint: Fingerprint; candidates: Candidate[] }
  /** Start failed (port taken, address not ours): one clear line; the worker exits. */
  | { kind: 'failed'; message: string }
  /** ICE and DTLS are up. Once per endpoint. */
  | { kind: 'connected'; endpoint: EndpointId }
  /** The peer connection ended by itself. Once per endpoint, not after `close`. */
  | { kind: 'closed'; endpoint: EndpointId; reason: HangupReason }
  /** `silentMs` is how long nothing came, of an m-line that fell silent. */
  | { kind: 'media'; endpoint: EndpointId; mid: string; media: MediaKind; receiving: boolean; silentMs?: number }
  /** `lost` packets within a second: of those that the peer sends (`uplink`), or of those that it gets. */
  | { kind: 'slowlink'; endpoint: EndpointId; mid: string; media: MediaKind; uplink: boolean; lost: number }
  /**
   * Messages of spread rooms, one batch per tick, numbered from 1. What has not been acknowledged by `relayed` is
   * bounded (`relay-window.ts`). A message beyond that does not cross: it is counted as `data_relay_dropped`, and if
   * its channel is a reliable one, that channel is closed, so that whoever sends knows.
   */
  | { kind: 'relay'; batch: number; data: RelayedData[] }
  /** Who of spread rooms this worker forwards, some times per second. */
  | { kind: 'speakers'; rooms: RoomSpeakers[] }
  /** A bug of ours, contained to one endpoint (which also gets `closed`) or to none. */
  | { kind: 'bug'; endpoint?: EndpointId; error: string }
  /** A capture ended by itself. */
  | { kind: 'captured'; endpoint: EndpointId; why: string }
  | { kind: 'done'; ask: number; value?: Answers[keyof Answers] }

/** What questions are answered with, by the kind of command. */
export interface Answers {
  counters: Counters
  inspect: EndpointInfo
  figures: FiguresPage
  capture: CaptureAnswer
}

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
  payloadTypes: PayloadType[]
  extensions: ExtensionIds
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
  /** Of the best encoding; undefined before the first packet. */
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
    /** Of the peer. */
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
