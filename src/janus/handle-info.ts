/** What a plugin tells operators about one of its handles, in plain words; `admin/handle-info.ts` makes Janus' of it. */

export interface HandleInfo {
  /** `plugin_specific`: whatever the plugin finds worth knowing. */
  readonly specific: Readonly<Record<string, unknown>>
  /** Absent without a PeerConnection. */
  readonly peerConnection?: PeerConnectionInfo
}

export interface InfoAddress {
  readonly ip: string
  readonly port: number
}

export interface Traffic {
  readonly packets: number
  readonly bytes: number
}

/** Ages are milliseconds before now. */
export interface PeerConnectionInfo {
  readonly offerFrom: 'client' | 'server'
  /** Offer and answer were exchanged. */
  readonly negotiated: boolean
  readonly local?: string
  readonly remote?: string
  readonly ice: {
    readonly state: 'new' | 'checking' | 'connected' | 'failed'
    /** As in SDP, without `a=candidate:`. */
    readonly localCandidates: readonly string[]
    readonly remoteCandidates: readonly string[]
    readonly selected?: { readonly local: InfoAddress; readonly remote: InfoAddress }
    readonly connectedAgoMs?: number
  }
  readonly dtls: {
    readonly state: 'new' | 'connecting' | 'connected'
    /** Ours. */
    readonly role?: 'client' | 'server'
    readonly fingerprint: string
    readonly remoteFingerprint?: { readonly algorithm: string; readonly value: string }
    readonly srtpProfile?: string
    readonly startedAgoMs?: number
    readonly connectedAgoMs?: number
    /** What went through DTLS itself: data channels. */
    readonly received: Traffic
    readonly sent: Traffic
  }
  /** Ids by URI. */
  readonly extensions: Readonly<Record<string, number>>
  readonly media: readonly MediaInfo[]
  /** The data m-line, if SCTP is up. */
  readonly data?: { readonly channels: number; readonly bufferedBytes: number }
  /** What the client estimates that it can receive (REMB), bit/s. */
  readonly rembBps?: number
}

/** One audio or video m-line. A handle sends or receives on it. */
export interface MediaInfo {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly direction: 'receive' | 'send'
  /** Something is received, or there is something to send. */
  readonly active: boolean
  readonly codec: string
  readonly pt: number
  readonly clockRate: number
  readonly ssrc?: number
  readonly rtxSsrc?: number
  readonly nack: boolean
  readonly rtx: boolean
  readonly figures: MediaFigures
  /** More of what the plugin knows. */
  readonly more: Readonly<Record<string, unknown>>
}

export interface MediaFigures extends Traffic {
  readonly bytesLastSecond: number
  /** Packets asked for again, by whoever receives. */
  readonly nacks: number
  readonly retransmissions: number
  readonly lost: number
  /** Between the last two reports, 0…1. */
  readonly lossShare: number
  readonly jitterMs: number
  /** 0 = unknown. */
  readonly rttMs: number
}

/** A capture of packets, as operators ask for it. */
export interface CaptureRequest {
  /** Absolute path of a file that does not exist yet, in a folder that does. */
  readonly file: string
  readonly format: 'pcap' | 'text2pcap'
  /** Bytes kept of each packet; 0 = all. */
  readonly truncateBytes: number
  readonly maxBytes: number
}

/** `nothing`: there is no PeerConnection. */
export type CaptureOutcome =
  | 'started'
  | 'stopped'
  | 'already started'
  | 'not started'
  | 'nothing'
  | { readonly problem: string }
