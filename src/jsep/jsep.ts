/**
 * What this folder offers: SDP in, parameters out, and back. Nothing here knows a worker, and everything is a function of its
 * arguments: what is kept of texts that were read or written before only makes the next one cheaper.
 */
import type {
  Candidate,
  CodecName,
  DtlsParameters,
  ExtensionIds,
  Fingerprint,
  H264Variant,
  IceCredentials,
  MediaKind,
  PayloadType,
  ReceiveStream,
  SendStream,
} from '../media/control.js'

export type Result<T> = { ok: true; value: T } | { ok: false; reason: string }

export type Setup = 'actpass' | 'active' | 'passive'
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** A payload type as the peer wrote it. */
export interface RemotePayloadType {
  pt: number
  /** Encoding name as written, e.g. `H264`, `rtx`. */
  name: string
  clockRate: number
  channels: number
  /** Parsed fmtp, keys in lower case. */
  parameters: Readonly<Record<string, string>>
  /** As written, e.g. `nack pli`. */
  feedback: readonly string[]
}

/** Ids of a MediaStream and of a track in it (RFC 8830); absent when not known. */
export interface Msid {
  stream?: string
  track?: string
}

/** One simulcast stream (RFC 8853): its alternatives, the preferred one first; never empty. */
export type RemoteSimulcastStream = readonly {
  rid: string
  /** Written with `~`: nothing is sent at first. */
  paused: boolean
  /** Payload types that it is restricted to; absent = all of the m-line. */
  payloadTypes?: readonly number[]
}[]

export interface RemoteMline {
  type: 'audio' | 'video' | 'application'
  mid: string
  /** Port was 0 without bundle-only: the m-line is off. */
  rejected: boolean
  /** Named in the BUNDLE group. False only for rejected m-lines, or for a single m-line without any group. */
  bundled: boolean
  protocol: string
  direction: Direction
  payloadTypes: readonly RemotePayloadType[]
  /** URI and id, as offered. Direction as in `a=extmap:6/recvonly …`, seen from the peer; `sendrecv` when not written. */
  extensions: readonly { uri: string; id: number; direction: Direction }[]
  ssrcs: readonly { ssrc: number; rtxSsrc?: number }[]
  msid: Msid
  /** What the peer offers to send by `a=simulcast`. */
  simulcast: readonly RemoteSimulcastStream[]
  /** SSRCs of the `a=ssrc-group:SIM`, in its order. */
  simSsrcs: readonly number[]
  /** Data m-line written the old way: `DTLS/SCTP 5000` with sctpmap. */
  legacySctp: boolean
  /** Longest message that the peer takes, as a data m-line says (RFC 8841 §6), in bytes; 0 = any. */
  maxMessageBytes?: number
}

/** An offer or answer of a client, checked: everything a server needs is there and in range. */
export interface RemoteDescription {
  origin: { username: string; sessionId: string; sessionVersion: string }
  ice: IceCredentials
  fingerprint: Fingerprint
  setup: Setup
  /** `a=extmap-allow-mixed` at session level (RFC 8285 §6). */
  extmapAllowMixed: boolean
  mlines: readonly RemoteMline[]
}

/** What our SDPs say about our end of the transport. */
export interface LocalTransport {
  ice: IceCredentials
  fingerprint: Fingerprint
  candidates: readonly Candidate[]
}

/** Configured codecs, best first. */
export interface CodecPolicy {
  audio: readonly CodecName[]
  video: readonly CodecName[]
}

/** A track that a publisher sends, as its subscribers are told of it. */
export interface PublishedTrack {
  kind: MediaKind
  /** As in `ReceiveStream`; each is there once per kind. */
  index: number
  msid: Msid
  /** Parameters of its codec that say what is sent, e.g. `sprop-stereo=1`; '' = none. */
  sprop: string
}

export interface PublisherAnswer {
  sdp: string
  dtls: DtlsParameters
  streams: ReceiveStream[]
  /** One for each stream that is active. */
  tracks: PublishedTrack[]
  /** A data m-line was accepted. */
  data: boolean
  /** Positions of m-lines, from 0, that are off in the answer: the next offer may use them for something else. */
  declined: number[]
}

/** One media m-line towards a subscriber; never reordered, never changed. */
export interface SubscriberSlot {
  mid: string
  kind: MediaKind
  index: number
  ssrc: number
  rtxSsrc: number
}

/** What an offer says about the track of a slot. */
export interface SlotTrack {
  /** false: the m-line is `inactive`, and the rest counts for nothing. */
  active: boolean
  streamId: string
  trackId: string
  /** As in `PublishedTrack`. */
  sprop: string
}

export interface SubscriberAnswer {
  dtls: DtlsParameters
  streams: SendStream[]
}

/** The server's own side of a codec or of a variant of one: its fixed payload type and what every offer says of it. */
export interface CodecEntry {
  name: CodecName
  /** Only for H264. */
  variant?: H264Variant
  kind: MediaKind
  pt: number
  rtxPt?: number
  clockRate: number
  channels?: number
  fmtp?: string
  feedback: readonly string[]
}

/** A refusal; `reason` is one clear sentence for the client. */
export function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason }
}

export const isSsrc = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 2 ** 32

export type { ExtensionIds, PayloadType }
