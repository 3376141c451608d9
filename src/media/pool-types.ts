/** What the main process sees of the media workers. `pool.ts` implements it with child processes; tests with fakes. */
import type {
  Candidate,
  CaptureAnswer,
  CaptureOptions,
  Counters,
  DtlsParameters,
  EndpointFigures,
  EndpointId,
  EndpointInfo,
  Fingerprint,
  HangupReason,
  IceCredentials,
  MediaKind,
  MediaSettings,
  Place,
  Preferences,
  ReceiveStream,
  SendStream,
} from './control.js'

/** Told to whoever opened an endpoint. After `closed` or `PooledEndpoint.close()` nothing more comes. */
export interface EndpointObserver {
  /** ICE and DTLS are up; once. */
  connected(): void
  /** No connectivity check has come for 15 s, or one comes again before the peer connection ends of it. */
  silence(isSilent: boolean): void
  /** The peer connection ended by itself, or its worker died. */
  closed(reason: HangupReason): void
  /** @param silentMs how long nothing came, of an m-line that fell silent */
  media(mid: string, kind: MediaKind, receiving: boolean, silentMs?: number): void
  /** `lost` packets within a second: of those that the peer sends (`uplink`), or of those that it gets. */
  slowlink(mid: string, kind: MediaKind, uplink: boolean, lost: number): void
}

/** One peer connection on one worker. Methods are commands: they return at once and keep their order. */
export interface PooledEndpoint {
  readonly id: EndpointId
  /** Index of the worker it lives on. */
  readonly worker: number
  /** Our ICE credentials, as SDP must carry them. Replaced by `restart`. */
  readonly ice: IceCredentials
  readonly fingerprint: Fingerprint
  readonly candidates: readonly Candidate[]
  /** @param maxMessageBytes longest data-channel message that the peer takes; 0 = any, absent = as before */
  connect(remote: IceCredentials, dtls: DtlsParameters, maxMessageBytes?: number): void
  /** New local ICE credentials, readable from `ice` at once. */
  restart(): void
  /** What the peer sends, whole: m-lines that are missing have ended. */
  setReceiveStreams(streams: ReceiveStream[]): void
  /** What we send to the peer, whole. SSRCs of an m-line never change. */
  setSendStreams(streams: SendStream[]): void
  /** Holds until it is said anew. */
  prefer(preferences: Preferences): void
  /** Whose streams it gets. Those of a publisher on another worker come over a mirror, which is made for it if there is none. */
  follow(publisher: PooledEndpoint | null): void
  place(place: Place): void
  /** What its worker knows about it now; undefined when it has ended. */
  inspect(): Promise<EndpointInfo | undefined>
  /** Begins to capture its clear RTP and RTCP, or ends that (null); undefined when the endpoint has ended. */
  capture(capture: CaptureOptions | null): Promise<CaptureAnswer | undefined>
  /** Twice is harmless. */
  close(): void
}

/** Where an endpoint should be opened: at most one of these is given. */
export interface Wanted {
  /** On this worker. */
  worker?: number
  /** Where the room lives. */
  room?: string
  /** Where this publisher lives. */
  publisher?: PooledEndpoint
}

export interface MediaPool {
  /** Number of workers. */
  readonly size: number
  /** In force on all workers, also on those that are started again. */
  readonly settings: Readonly<MediaSettings>
  configure(settings: MediaSettings): void
  /**
   * Opens an endpoint on worker `worker`; or where `room` or `publisher` lives as long as that is not too much for one
   * worker; or else on the least loaded worker.
   * @returns undefined, counted, when no worker that would do is running or has room for another endpoint
   */
  open(where: Wanted, observer: EndpointObserver): PooledEndpoint | undefined
  /** Resolves when a worker runs: at once, or, while all are being started again, after 2 s at the latest. */
  ready(): Promise<void>
  /** Resolves when the block (or its end) is in force on every worker that has endpoints of the room. */
  block(room: string, users: readonly [string, string], blocked: boolean): Promise<void>
  /** The room is empty. */
  forget(room: string): void
  /** One value per worker: the last one known when a worker does not answer within a second. */
  counters(): Promise<Counters[]>
  /**
   * What passed on the m-lines of all endpoints that are up: one question to each worker that has any. A worker tells of
   * `FIGURES_LINES_MAX` m-lines at a time, of further ones at the next call, and of none when it does not answer in time.
   */
  figures(): Promise<EndpointFigures[]>
  close(): Promise<void>
}
