/**
 * What the gateway, its handles and its transports tell event handlers. Arguments are what the caller has anyway, so that
 * nothing is made for nobody: with event handlers off, `noEvents` takes their place.
 */
import type { HandleFigures, HandleInfo } from '../handle-info.js'
import type { Jsep } from '../plugin.js'
import type { Candidates } from '../trickle.js'

/** A handle, as events name it. */
export interface EventSubject {
  readonly id: number
  readonly sessionId: number
  readonly opaqueId: string | undefined
  readonly plugin: { readonly packageName: string }
}

/** A connection of a transport, as events name it. */
export interface EventTransport {
  /** E.g. `janus.transport.websockets`. */
  readonly transport: string
  /** Names the connection while it lasts. */
  readonly id: string
}

export interface EventSink {
  sessionCreated(sessionId: number, transport: EventTransport): void
  sessionDestroyed(sessionId: number): void
  sessionTimedOut(sessionId: number): void
  handleAttached(handle: EventSubject): void
  handleDetached(handle: EventSubject): void
  /** Somebody else's event, through the admin API (`custom_event`). @param data what JSON can say */
  custom(schema: string, data: object): void
  /** @param owner who wrote the description: `remote` is the client */
  description(handle: EventSubject, owner: 'local' | 'remote', jsep: Jsep): void
  /** Candidates that a client trickled. */
  candidates(handle: EventSubject, candidates: Candidates): void
  /** ICE and DTLS are up. @param info says on which addresses; undefined when that cannot be said; never rejects */
  connected(handle: EventSubject, info: () => Promise<HandleInfo | undefined>): void
  hungUp(handle: EventSubject, reason: string): void
  /** @param seconds how long nothing came, when that is why receiving ended */
  media(handle: EventSubject, mid: string, media: string, receiving: boolean, seconds?: number): void
  slowLink(handle: EventSubject, mid: string, media: string, uplink: boolean, lost: number): void
  /** What has passed on its m-lines so far. */
  statistics(handle: EventSubject, figures: HandleFigures): void
  /** What a plugin has to tell. @param data what JSON can say; without secrets */
  plugin(handle: EventSubject, data: object): void
  /** @param data begins with `event` */
  transport(transport: EventTransport, data: object): void
  /** @param info the `server_info` */
  started(info: object): void
  /** @param signum number of the signal, 0 when it was none */
  shutdown(signum: number): void
}

const nothing = () => {}

/** Nobody is told. */
export const noEvents: EventSink = {
  sessionCreated: nothing,
  sessionDestroyed: nothing,
  sessionTimedOut: nothing,
  handleAttached: nothing,
  handleDetached: nothing,
  custom: nothing,
  description: nothing,
  candidates: nothing,
  connected: nothing,
  hungUp: nothing,
  media: nothing,
  slowLink: nothing,
  statistics: nothing,
  plugin: nothing,
  transport: nothing,
  started: nothing,
  shutdown: nothing,
}
