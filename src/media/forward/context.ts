import type { EndpointId, MediaKind, MediaSettings, MirroredSource, RoomSpeakers } from '../control.js'
import type { AudibleRooms } from './audible/rooms.js'
import type { Bottlenecks } from './bottlenecks.js'
import type { Distributions } from './distribution.js'
import type { Blame, ForwardIo, Outbox } from './outbox.js'
import type { StateRows } from './state-rows.js'
import type { Totals } from './totals.js'

export interface RouterEvents {
  /** RTP of this m-line began to arrive, or none came for a second, or the m-line ended while it did. */
  media(endpoint: EndpointId, mid: string, kind: MediaKind, receiving: boolean, silentMs?: number): void
  /** As many packets as operators want to hear of were lost within a second. */
  slowlink(endpoint: EndpointId, mid: string, kind: MediaKind, uplink: boolean, lost: number): void
  /** Who of rooms that are spread over workers is forwarded here: the other workers count with it. */
  speakers(rooms: RoomSpeakers[]): void
  /** Which SSRC is what of a publisher that other workers mirror: it began to be, or SSRCs changed. */
  sources(endpoint: EndpointId, sources: MirroredSource[]): void
  /** A bug of ours in what was done for this peer; the others' is done all the same. The caller closes it. */
  failed(endpoint: EndpointId, error: unknown): void
}

/** What all parts of one router share. */
export interface ForwardContext {
  /** The io, or what stands before it while packets are captured. */
  io: ForwardIo
  /**
   * µs that the packet at hand had waited for this program; 0 when none is at hand. A small integer, which is never boxed (ADR 9).
   */
  waitedUs: number
  readonly out: Outbox
  readonly totals: Totals
  /** What packets change of each subscription. */
  readonly rows: StateRows
  readonly events: RouterEvents
  readonly blame: Blame
  readonly settings: MediaSettings
  readonly distributions: Distributions
  /** The links to the clients. */
  readonly bottlenecks: Bottlenecks
  readonly maxPublisherBps: number
  /** Whose sound is forwarded, by room. */
  readonly audible: AudibleRooms
  /** uint32. */
  readonly random: () => number
  /** Something is due at `ms`: `expire` is called then, or sooner. */
  readonly wake: (ms: number) => void
  /** A number that no other run of a publication has. */
  readonly nextRun: () => number
}

/** When the packet at hand arrived: what is said of its network, and when round trips end. */
export const arrivedMs = ({ waitedUs }: ForwardContext, nowMs: number): number => nowMs - waitedUs / 1000
