/** One attachment of a session to a plugin: the queue of its requests, and the plugin's way to the client. */
import type { Connection, ServerMessage } from './connection.js'
import { type Failure, failure } from './errors.js'
import type { EventSink, EventSubject } from './events/event-sink.js'
import { divide } from './full-trickle.js'
import type { CaptureOutcome, CaptureRequest, HandleInfo } from './handle-info.js'
import type { Log } from './log.js'
import type { HandlePort, Jsep, Plugin, PluginHandle, PluginReply, PluginRequest } from './plugin.js'
import type { Refusals } from './refusals.js'
import { EventHead, SharedData, SharedEvent } from './shared-event.js'
import { CANDIDATES_MAX, type Candidates, EarlyCandidates, type ReadCandidates } from './trickle.js'

/** What a handle needs of its session. */
export interface HandleSession {
  readonly id: number
  readonly address: string
  lastActivityMs(): number
  event(message: ServerMessage): void
  /** The handle ended by itself. */
  removed(handle: Handle): void
  expire(): void
}

export interface HandleSettings {
  readonly log: Log
  readonly events: EventSink
  nowMs(): number
  readonly refusals: Refusals
  /** Early candidates older than this are dropped when the negotiation is complete. */
  readonly candidatesTimeoutMs: number
  /** Candidates go out in `trickle` events and not in SDPs. */
  readonly fullTrickle: boolean
  /** Events name the `opaque_id` too. */
  readonly opaqueIdInApi: boolean
  /** Requests that may wait on one handle while the plugin works on another. */
  readonly waitingPerHandle: number
  /** Bytes of messages of one connection that may wait. */
  readonly waitingBytesPerConnection: number
  /** A handle has ended: once for each. */
  ended(): void
}

export interface HandleIdentity {
  readonly id: number
  readonly opaqueId: string | undefined
  /** That it was attached with. */
  readonly token: string | undefined
  readonly query: URLSearchParams
}

/** A message in the queue; its bytes count for the connection that sent it until the plugin answered. */
export interface WaitingMessage {
  readonly transaction: string
  readonly request: PluginRequest
  readonly connection: Connection
  readonly bytes: number
}

type Task =
  | { readonly kind: 'message'; readonly message: WaitingMessage }
  | { readonly kind: 'trickle'; readonly candidates: Candidates; readonly sinceMs: number }
  | { readonly kind: 'hangup'; readonly reason: string }

export class Handle implements EventSubject {
  readonly id: number
  readonly opaqueId: string | undefined
  readonly token: string | undefined
  readonly plugin: Plugin
  /** ms of the server's monotonic clock. */
  readonly createdMs: number
  readonly #session: HandleSession
  readonly #settings: HandleSettings
  readonly #pluginHandle: PluginHandle
  /** Whom events are for. */
  readonly #head: EventHead
  readonly #early = new EarlyCandidates()
  /** ICE session whose candidates the client has: they are sent once for each. */
  #trickledUfrag: string | undefined
  #tasks: Task[] = []
  /** In tasks: as bounded as those that wait for the negotiation. */
  #candidatesWaiting = 0
  /** The plugin works on a task. */
  #busy = false
  #open = false

  /** Attaches. @throws what the plugin throws */
  constructor(plugin: Plugin, session: HandleSession, identity: HandleIdentity, settings: HandleSettings) {
    this.id = identity.id
    this.opaqueId = identity.opaqueId
    this.token = identity.token
    this.plugin = plugin
    this.createdMs = settings.nowMs()
    this.#session = session
    this.#settings = settings
    const opaque = settings.opaqueIdInApi && this.opaqueId !== undefined && { opaque_id: this.opaqueId }
    this.#head = new EventHead({ session_id: session.id, sender: this.id, ...opaque }, plugin.packageName)
    this.#pluginHandle = plugin.attach(this.#port(identity.query))
    this.#open = true
  }

  get sessionId(): number {
    return this.#session.id
  }

  /** Offer and answer were exchanged and no exchange is open. */
  get negotiated(): boolean {
    return this.#guard('negotiation', () => this.#pluginHandle.negotiation()) === 'stable'
  }

  get expectsAnswer(): boolean {
    return this.#guard('expectsAnswer', () => this.#pluginHandle.expectsAnswer()) ?? false
  }

  /** @returns why a message of so many bytes cannot be taken now */
  refusal(connection: Connection, bytes: number): Failure | undefined {
    const { waitingPerHandle, waitingBytesPerConnection } = this.#settings
    if (this.#tasks.length < waitingPerHandle && connection.waiting.bytes + bytes <= waitingBytesPerConnection) {
      return undefined
    }
    this.#settings.refusals.count('waiting_messages')
    return failure('PLUGIN_MESSAGE', 'Too many messages are waiting')
  }

  /** The plugin gets the message after those before it; its reply becomes an `event` with the transaction. */
  message(message: WaitingMessage): void {
    if (!this.#open) return
    message.connection.waiting.bytes += message.bytes
    this.#enqueue({ kind: 'message', message })
  }

  /** Takes candidates. While the plugin is busy, those beyond what may wait are dropped and counted. */
  trickle({ candidates, refused }: ReadCandidates): void {
    const isFull = this.#tasks.length >= this.#settings.waitingPerHandle
    const taken = candidates.slice(0, isFull ? 0 : CANDIDATES_MAX - this.#candidatesWaiting)
    this.#settings.refusals.count('candidates', refused + candidates.length - taken.length)
    if (taken.length === 0) return
    this.#candidatesWaiting += taken.length
    this.#settings.events.candidates(this, taken)
    this.#enqueue({ kind: 'trickle', candidates: taken, sinceMs: this.#settings.nowMs() })
  }

  hangup(reason: string): void {
    const last = this.#tasks.at(-1)
    if (last?.kind === 'hangup') return
    this.#enqueue({ kind: 'hangup', reason })
  }

  /** What an operator is told about it. @throws what the plugin throws */
  info(): Promise<HandleInfo> {
    return this.#pluginHandle.info()
  }

  /** The same for event handlers: what the plugin throws is logged. */
  async #known(): Promise<HandleInfo | undefined> {
    try {
      return await this.info()
    } catch (error) {
      this.#bug('info', error)
      return undefined
    }
  }

  /** @throws what the plugin throws */
  capture(capture: CaptureRequest | null): Promise<CaptureOutcome> {
    return this.#pluginHandle.capture(capture)
  }

  /** Ends the handle, and tells the client. */
  detach(): void {
    if (!this.#open) return
    this.#session.removed(this)
    this.#event('detached')
    this.dispose()
  }

  /** Ends the handle silently. What the plugin is still working on has no effect any more. */
  dispose(): void {
    if (!this.#open) return
    this.#open = false
    for (const task of this.#tasks) if (task.kind === 'message') release(task.message)
    this.#tasks = []
    this.#settings.ended()
    this.#guard('detached', () => this.#pluginHandle.detached())
    this.#settings.events.handleDetached(this)
  }

  #enqueue(task: Task): void {
    this.#tasks.push(task)
    this.#work()
  }

  #work(): void {
    while (!this.#busy && this.#open) {
      const task = this.#tasks.shift()
      if (!task) return
      this.#busy = true
      if (task.kind === 'message') {
        void this.#handle(task.message)
        return
      }
      if (task.kind === 'trickle') this.#takeCandidates(task)
      // Earlier candidates belonged to the PeerConnection that ends here.
      else this.#early.take(Number.POSITIVE_INFINITY)
      if (task.kind === 'hangup') this.#guard('hangup', () => this.#pluginHandle.hangup(task.reason))
      this.#applyCandidates()
      this.#busy = false
    }
  }

  #takeCandidates({ candidates, sinceMs }: Extract<Task, { kind: 'trickle' }>): void {
    this.#candidatesWaiting -= candidates.length
    this.#settings.refusals.count('candidates', this.#early.add(candidates, sinceMs))
  }

  async #handle(message: WaitingMessage): Promise<void> {
    const { events } = this.#settings
    const { jsep } = message.request
    if (jsep) events.description(this, 'remote', jsep)
    const reply = await this.#ask(message.request)
    release(message)
    if (this.#open) {
      if (reply.jsep) events.description(this, 'local', reply.jsep)
      const { transaction } = message
      this.#guard('message', () => this.#pluginEvent(reply, transaction))
      this.#applyCandidates()
    }
    this.#busy = false
    this.#work()
  }

  /** A plugin that fails broke its contract. The client gets an event all the same: it waits for one after the ack. */
  async #ask(request: PluginRequest): Promise<PluginReply> {
    try {
      return await this.#pluginHandle.message(request)
    } catch (error) {
      this.#bug('message', error)
      return { data: { success: false, error: { msg: 'Internal error.', code: 'internal_error' } } }
    }
  }

  #applyCandidates(): void {
    if (!this.#open || !this.negotiated) return
    const { nowMs, candidatesTimeoutMs } = this.#settings
    const candidates = this.#early.take(nowMs() - candidatesTimeoutMs)
    if (candidates.length > 0) this.#guard('trickle', () => this.#pluginHandle.trickle(candidates))
  }

  #guard<T>(call: string, body: () => T): T | undefined {
    try {
      return body()
    } catch (error) {
      this.#bug(call, error)
      return undefined
    }
  }

  #bug(call: string, error: unknown): void {
    const fields = { err: error, plugin: this.plugin.packageName, call, session: this.#session.id, handle: this.id }
    this.#settings.log.error(fields, 'a plugin threw: this is a bug')
  }

  #event(janus: string, fields?: Record<string, unknown>, transaction?: string): void {
    const { session_id, ...sender } = this.#head.addressee
    this.#session.event({ janus, session_id, ...(transaction !== undefined && { transaction }), ...sender, ...fields })
  }

  #pluginEvent({ data, jsep }: PluginReply, transaction?: string): void {
    const plugindata = { plugin: this.plugin.packageName, data }
    const divided = jsep && this.#settings.fullTrickle ? divide(jsep.sdp) : undefined
    // Clients get exactly these two keys.
    const description = jsep && { jsep: { type: jsep.type, sdp: divided?.sdp ?? jsep.sdp } }
    this.#event('event', { plugindata, ...description }, transaction)
    if (!divided || divided.candidates.length === 0 || divided.ufrag === this.#trickledUfrag) return
    this.#trickledUfrag = divided.ufrag
    for (const candidate of divided.candidates) this.#event('trickle', { candidate })
    this.#event('trickle', { candidate: { completed: true } })
  }

  #push(data: Record<string, unknown> | SharedData, jsep?: Jsep): void {
    if (!this.#open) return
    if (jsep) this.#settings.events.description(this, 'local', jsep)
    if (!(data instanceof SharedData)) this.#pluginEvent(jsep ? { data, jsep } : { data })
    else this.#session.event(new SharedEvent(this.#head, data))
  }

  #port(query: URLSearchParams): HandlePort {
    const { events } = this.#settings
    const session = this.#session
    const open = (act: () => void) => {
      if (this.#open) act()
    }
    return {
      id: this.id,
      sessionId: session.id,
      get address() {
        return session.address
      },
      opaqueId: this.opaqueId,
      query,
      lastActivityMs: () => session.lastActivityMs(),
      push: (data: Record<string, unknown> | SharedData, jsep?: Jsep) => this.#push(data, jsep),
      webrtcup: () =>
        open(() => {
          events.connected(this, () => this.#known())
          this.#event('webrtcup')
        }),
      media: (mid, type, receiving, silentMs) =>
        open(() => {
          const floor = Math.floor((silentMs ?? 0) / 1000)
          const seconds = floor > 1 ? floor : undefined
          events.media(this, mid, type, receiving, seconds)
          this.#event('media', { mid, type, receiving, ...(seconds !== undefined && { seconds }) })
        }),
      slowlink: (mid, media, uplink, lost) =>
        open(() => {
          events.slowLink(this, mid, media, uplink, lost)
          this.#event('slowlink', { mid, media, uplink, lost })
        }),
      hangup: (reason) =>
        open(() => {
          events.hungUp(this, reason)
          this.#event('hangup', { reason })
        }),
      notify: (data) => events.plugin(this, data),
      detach: () => this.detach(),
      expireSession: () => open(() => session.expire()),
    }
  }
}

function release(message: WaitingMessage): void {
  message.connection.waiting.bytes -= message.bytes
}
