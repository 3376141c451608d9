/**
 * The contract between the Janus core (sessions, handles, transactions) and a plugin. The core knows no
 * plugin by name; a plugin knows no transport and no session.
 *
 * The core promises: calls for one handle come one at a time, in the order in which its requests arrived;
 * `detached` is the last call, and may come while a `message` is under way. A plugin promises: it never throws out of
 * these methods for anything a client sent. A throw is a bug: the core logs it, answers with an event that says
 * `internal_error` (deployed clients hang or crash on core errors to a message), and goes on.
 */
import type { SharedData } from './shared-event.js'

export { SharedData } from './shared-event.js'

import type { CaptureOutcome, CaptureRequest, HandleFigures, HandleInfo } from './handle-info.js'

/** A session description in JSON, exactly these two keys towards clients. */
export interface Jsep {
  type: 'offer' | 'answer'
  sdp: string
}

/** A `message` request after the core checked its envelope: body is an object, jsep is well-formed. */
export interface PluginRequest {
  body: Readonly<Record<string, unknown>>
  jsep?: Jsep & { rids?: 'hml' | 'lmh'; trickle?: boolean }
}

/** What a request is answered with, in an `event` that carries the request's transaction. */
export interface PluginReply {
  /** `plugindata.data`. */
  data: Record<string, unknown>
  jsep?: Jsep
}

/** Where a handle's negotiation stands; the core needs it for answers nobody asked for and for trickle. */
export type NegotiationState =
  /** No PeerConnection. */
  | 'none'
  /** We offered (or an offer is being answered) and the exchange is not complete. */
  | 'pending'
  /** Complete at least once, and no exchange open. */
  | 'stable'

/** The core's side of one handle, given to the plugin. Calls after `detached` do nothing. */
export interface HandlePort {
  /** Random 53-bit handle id. */
  readonly id: number
  readonly sessionId: number
  /** Key of the client's address: of the socket that has the session now, or had it last. */
  readonly address: string
  readonly opaqueId: string | undefined
  /** Query of the WebSocket or HTTP URL of the connection that attached (for per-connection settings). */
  readonly query: URLSearchParams
  /** Core requests and long polls of the session: when the client last gave a sign of life, ms of the server's monotonic clock. */
  lastActivityMs(): number
  /** Pushes an `event` without transaction. */
  push(data: Record<string, unknown>, jsep?: Jsep): void
  /** The same for data that goes to many handles, which is turned into text once. */
  push(data: SharedData): void
  /** Sends `webrtcup`. */
  webrtcup(): void
  /** Sends `media`. @param silentMs how long nothing came, when receiving ended because of that */
  media(mid: string, type: 'audio' | 'video', receiving: boolean, silentMs?: number): void
  /** Sends `slowlink`: so many packets were lost within a second of those that the client sends (`uplink`), or gets. */
  slowlink(mid: string, media: 'audio' | 'video', uplink: boolean, lost: number): void
  /** Sends `hangup`. The plugin calls it once per PeerConnection that ended, after its resources are freed. */
  hangup(reason: string): void
  /** Tells event handlers, never the client; also after `detached`. @param data what JSON can say; no secrets */
  notify(data: object): void
  /** Ends the handle: `detached` to the client, then `PluginHandle.detached()`. */
  detach(): void
  /** Ends the whole session as a timeout does: `timeout` to the client. */
  expireSession(): void
}

/** The plugin's side of one handle. */
export interface PluginHandle {
  negotiation(): NegotiationState
  /** True while an answer is expected from the client; otherwise the core replies 469 to one. */
  expectsAnswer(): boolean
  /**
   * Handles one message. The core has sent the `ack`; the resolved value becomes the event. The core sends
   * replies of one handle in the order of requests, and calls `message` again only when this one resolved.
   */
  message(request: PluginRequest): Promise<PluginReply>
  /** The core validated and de-queued these; null = end of candidates. */
  trickle(candidates: readonly (TrickleCandidate | null)[]): void
  /** Client or admin asked for hangup: close the PeerConnection if there is one and then call `port.hangup(reason)`. */
  hangup(reason: string): void
  /** What an operator is told about it. */
  info(): Promise<HandleInfo>
  /** An operator captures the packets of its PeerConnection, or ends that (null). */
  capture(capture: CaptureRequest | null): Promise<CaptureOutcome>
  /** The handle is gone (detach, destroy, timeout, lost socket): free everything, call nothing on the port. */
  detached(): void
}

export interface TrickleCandidate {
  candidate: string
  sdpMid?: string
  sdpMLineIndex?: number
}

export interface Plugin {
  /** E.g. `janus.plugin.sfu`. */
  readonly packageName: string
  readonly name: string
  readonly author: string
  readonly description: string
  readonly version: number
  readonly versionString: string
  /** Text in the `hint` of acks, or undefined for none. */
  readonly ackHint: string | undefined
  attach(port: HandlePort): PluginHandle
  /**
   * What passes on the PeerConnections of all its handles, for event handlers; without it they are told nothing. Asked
   * about once a second, so it must be cheap. Some handles may be left for the next time.
   */
  figures?(): Promise<readonly HandleFigures[]>
  /** An operator's message (`message_plugin`); without it the plugin takes none. @returns `response` */
  admin?(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
}
