/**
 * Everything that crosses between the main process and a media worker, both directions.
 *
 * Plain data only (structured clone over the fork channel), in arrays of what was to be said at once. The
 * channel keeps order: a command is carried out before the next one is looked at. A command with `ask` is answered by one `done` with that number,
 * after it has taken effect. Workers know parameters; SDP, tokens, sessions and names of plugins never
 * come here.
 */
import type { Counters, EndpointInfo, FiguresPage } from './inspection.js'
import type {
  Candidate,
  ChannelParameters,
  DtlsParameters,
  EndpointId,
  Fingerprint,
  IceCredentials,
  MediaKind,
  MirroredSource,
  Preferences,
  ReceiveStream,
  SendStream,
} from './streams.js'

export * from './inspection.js'
export * from './streams.js'

/** Endpoints that a worker takes at once. The main process counts them and asks for no more. */
export const MAX_ENDPOINTS = 4096
/** How the messages of starts begin that failed: for want of a way between workers, and of the right to choose a CPU. */
export const RELAY_PROBLEM = 'workers cannot reach each other'
export const PIN_PROBLEM = 'a worker cannot be kept on one CPU'
/** Other workers that it may be linked to, beside its endpoints. */
export const MAX_LINKS = 255

/**
 * M-lines that one answer about all endpoints tells of, give or take those of the last endpoint: whatever a worker makes
 * and sends in one go holds up packets.
 */
export const FIGURES_LINES_MAX = 512

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

/** Where an endpoint's connection belongs, for blocks, the data relay and the estimate of its link. */
export interface Place {
  room: string
  user: string
  /** The Janus session that it was made in, which nobody else can use. */
  session: number
  /** Messages on its data channels go to the others. */
  relaysData: boolean
  /** It gets the others' data-channel messages. */
  receivesData: boolean
}

export type Command = { ask?: number } & (
  | {
      kind: 'start'
      index: number
      /** Port for all of `listen`; 0 = any. */
      port: number
      listen: { address: string; announced: string }[]
      /** Whether it listens on TCP beside UDP. */
      tcp: boolean
      /** Whether its thread stays on one CPU, by `index`. */
      pin: boolean
      limits: WorkerLimits
      settings: MediaSettings
      /** There are other workers: it listens on loopback for packets of their publishers. */
      relay: boolean
    }
  /** Holds from now on, for what is there already too. */
  | { kind: 'configure'; settings: MediaSettings }
  /** A new peer. `local` are the credentials that our SDP carries. */
  | { kind: 'open'; endpoint: EndpointId; local: IceCredentials }
  /** The peer's description arrived: checks and DTLS may go on. A changed `ice` is an ICE restart of the peer. */
  | {
      kind: 'connect'
      endpoint: EndpointId
      remote: IceCredentials
      dtls: DtlsParameters
      /** Longest data-channel message that the peer takes; 0 = any, absent = as before. */
      maxMessageBytes?: number
    }
  /** New local credentials (ICE restart); the old ones stay valid until a check with the new ones passes. */
  | { kind: 'restart'; endpoint: EndpointId; local: IceCredentials }
  /** What the peer sends, whole: m-lines that are missing have ended. */
  | { kind: 'setReceiveStreams'; endpoint: EndpointId; streams: ReceiveStream[] }
  /** What we send to the peer, whole. SSRCs of an m-line never change. */
  | { kind: 'setSendStreams'; endpoint: EndpointId; streams: SendStream[] }
  /** What the peer wants of what we send to it, whole; holds for m-lines to come too. */
  | { kind: 'prefer'; endpoint: EndpointId; preferences: Preferences }
  /** Whose streams feed this subscriber: a publisher of this worker, which may appear later or never, or a mirror. */
  | { kind: 'follow'; endpoint: EndpointId; publisher: EndpointId | null }
  /** The endpoint's connection joined (or its flags changed). */
  | ({ kind: 'place'; endpoint: EndpointId } & Place)
  /**
   * Between two users of a room nothing passes, either way, data-channel messages that are queued included. Symmetric;
   * setting twice is harmless.
   */
  | { kind: 'block'; room: string; users: [string, string]; blocked: boolean }
  /** Whether the room has endpoints on other workers: then data messages are also reported as `relay`. */
  | { kind: 'spread'; room: string; elsewhere: boolean }
  /** Messages from another worker. Answered when the receivers' associations have them, or have refused them. */
  | { kind: 'relay'; data: RelayedData[] }
  /** The other workers have taken the batch that this worker reported under that number. */
  | { kind: 'relayed'; batch: number }
  /** Who of spread rooms is forwarded by another worker, whose number is `from`. */
  | { kind: 'speakers'; from: number; rooms: RoomSpeakers[] }
  /**
   * From now on packets of publishers go to worker `worker`, and come from there, between this worker's loopback port and
   * that one's, under `keys` (`LinkKeys` of the io). Replaces the link that there was. Answered with true, or with nothing when
   * there is no place for it.
   */
  | { kind: 'link'; worker: number; port: number; keys: Uint8Array }
  /**
   * `endpoint` is the mirror of a publisher on worker `from`: what subscribes to it gets what that one sends.
   * `setReceiveStreams`, `place` and `close` work on it as on a publisher, `connect` never comes.
   */
  | { kind: 'mirror'; endpoint: EndpointId; from: number }
  /** Which SSRC of the publisher is what, for its mirror; whole. */
  | { kind: 'sources'; endpoint: EndpointId; sources: MirroredSource[] }
  /** What `endpoint` sends goes to its mirror on worker `to` too, as long as neither ends. Answered by `sources`. */
  | { kind: 'pass'; endpoint: EndpointId; mirror: EndpointId; to: number }
  /** The mirror has ended. */
  | { kind: 'unpass'; mirror: EndpointId }
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
  /** `relayPort` is the loopback port for packets of other workers, if there are any. */
  | {
      kind: 'ready'
      fingerprint: Fingerprint
      candidates: Candidate[]
      relayPort?: number
      /** What the system lets wait in a UDP socket each way, in bytes. */
      socketBufferBytes: number
    }
  /** Start failed (port taken, address not ours): one clear line; the worker exits. */
  | { kind: 'failed'; message: string }
  /** ICE and DTLS are up. Once per endpoint. */
  | { kind: 'connected'; endpoint: EndpointId }
  /** Nothing was heard of the peer for 15 s, or it is heard of again before consent is lost. */
  | { kind: 'silence'; endpoint: EndpointId; isSilent: boolean }
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
  /** Which SSRC is what, of a publisher that has mirrors. */
  | { kind: 'sources'; endpoint: EndpointId; sources: MirroredSource[] }
  /** A bug of ours, contained to one endpoint (which also gets `closed`) or to none. */
  | { kind: 'bug'; endpoint?: EndpointId; error: string }
  /** A capture ended by itself. */
  | { kind: 'captured'; endpoint: EndpointId; why: string }
  | { kind: 'done'; ask: number; value?: Answers[keyof Answers] }

/** What questions are answered with, by the kind of command. */
export interface Answers {
  link: true
  counters: Counters
  inspect: EndpointInfo
  figures: FiguresPage
  capture: CaptureAnswer
}
