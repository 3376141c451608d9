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
    readonly selected?: {
      readonly protocol: 'udp' | 'tcp'
      readonly local: InfoAddress
      readonly remote: InfoAddress
    }
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
  readonly data?: MlinePlace & { readonly channels: number; readonly bufferedBytes: number }
  /** What the client estimates that it can receive (REMB), bit/s. */
  readonly rembBps?: number
  /** The path to the client, when it receives; figures of all its connections together where they share a link. */
  readonly downlink?: {
    readonly transportCc: boolean
    /** bit/s; 0 = nothing is known. */
    readonly estimateBps: number
    readonly limited: boolean
    readonly acknowledgedBps: number
    readonly rttMs: number
    readonly lossShare: number
    readonly pacingBps: number
    readonly waitingPackets: number
    readonly waitingMs: number
    readonly connections: number
  }
  /** The path from the client, when it sends: whether it numbers its packets, feedback packets to it, its cap in bit/s. */
  readonly uplink?: {
    readonly transportCc: boolean
    readonly feedbackSent: number
    readonly capBps: number
    readonly estimateBps?: number
  }
}

/** An m-line of the SDP. */
export interface MlinePlace {
  readonly mid: string
  /** From 0. */
  readonly mindex: number
}

/** What passes on one audio or video m-line. A handle sends or receives on it. */
export interface MediaTraffic extends MlinePlace {
  readonly kind: 'audio' | 'video'
  readonly direction: 'receive' | 'send'
  readonly codec: string
  readonly clockRate: number
  readonly figures: MediaFigures
}

/** What passes through SCTP. */
export interface DataTraffic extends MlinePlace {
  readonly received: Traffic
  readonly sent: Traffic
}

/** What passes on all m-lines of a handle. */
export interface HandleFigures {
  readonly sessionId: number
  readonly handleId: number
  readonly media: readonly MediaTraffic[]
  /** What its path holds, all m-lines together, bit/s; absent while nothing is known. */
  readonly estimateBps?: number
  /** Absent without SCTP. */
  readonly data?: DataTraffic
}

/** One audio or video m-line, and how it is set up. */
export interface MediaInfo extends MediaTraffic {
  /** Something is received, or there is something to send. */
  readonly active: boolean
  readonly pt: number
  readonly ssrc?: number
  readonly rtxSsrc?: number
  readonly nack: boolean
  readonly rtx: boolean
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
  /** The same, but what came or went again is not lost. */
  readonly unrepairedShare: number
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
