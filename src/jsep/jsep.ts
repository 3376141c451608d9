/**
 * What this folder offers: SDP in, parameters out, and back. Nothing here keeps state or knows a worker;
 * everything is a function of its arguments.
 */
import type {
  Candidate,
  CodecName,
  DtlsParameters,
  ExtensionIds,
  Fingerprint,
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
  /** Data m-line written the old way: `DTLS/SCTP 5000` with sctpmap. */
  legacySctp: boolean
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

export interface PublisherAnswer {
  sdp: string
  dtls: DtlsParameters
  streams: ReceiveStream[]
  /** A data m-line was accepted. */
  data: boolean
}

/** One media m-line towards a subscriber; never reordered, and unchanged as long as the transport is the same. */
export interface SubscriberSlot {
  mid: string
  kind: MediaKind
  index: number
  ssrc: number
  rtxSsrc: number
}

export interface SubscriberAnswer {
  dtls: DtlsParameters
  streams: SendStream[]
  data: boolean
}

/** The server's own side of a codec: its fixed payload type and what every offer says about it. */
export interface CodecEntry {
  name: CodecName
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

export type { ExtensionIds, PayloadType }
