/** What an endpoint is made of: its transport, the streams it sends and gets, its data channels. Terms of `control.ts`. */

/** Number of an endpoint (one peer connection), unique for the life of the main process. */
export type EndpointId = number

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
  /** Only for H264; absent = `constrained-baseline/1`. */
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
  payloadTypes: readonly PayloadType[]
  extensions: Readonly<ExtensionIds>
  active: boolean
}

/** What one SSRC of a publisher is, for its mirrors on other workers. */
export interface MirroredSource {
  mid: string
  /** Restriction id of its encoding; '' = it has none. */
  rid: string
  ssrc: number
  /** Carries retransmissions (RFC 4588). */
  rtx: boolean
  /** RTX only: the SSRC it repairs; −1 = not said. */
  repairs: number
  /** Another SSRC of the encoding took over. */
  replaced: boolean
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
