/** Turns what happens into events with Janus' envelope, and hands those that are wanted to a backend. */
import { dataStatistics, mediaStatistics, selectedPair } from '../figures.js'
import type { HandleFigures, HandleInfo } from '../handle-info.js'
import type { Jsep } from '../plugin.js'
import type { Candidates } from '../trickle.js'
import type { EventSink, EventSubject, EventTransport } from './event-sink.js'
import { type EventType, eventTypes } from './event-types.js'
import { candidatesIn, redactSdp } from './redact.js'

/** An event as backends get it: JSON's types only. */
export interface JanusEvent {
  /** Name of the server. */
  readonly emitter: string
  readonly type: number
  readonly subtype?: number
  /** µs since 1970; events of one millisecond have the same. */
  readonly timestamp: number
  readonly session_id?: number
  readonly handle_id?: number
  readonly opaque_id?: string
  readonly event: object
}

/** Takes events somewhere. */
export interface EventBackend {
  /** Returns at once; never throws. */
  publish(event: JanusEvent): void
}

export interface EventStreamOptions {
  readonly emitter: string
  /** Types that are wanted; the others are not even made. */
  readonly types: readonly EventType[]
  readonly backend: EventBackend
  /** ms since 1970. */
  readonly wallMs?: () => number
}

/** There is one ICE stream and one component per peer connection (BUNDLE, rtcp-mux). */
const component = { stream_id: 1, component_id: 1 }

export class EventStream implements EventSink {
  readonly #emitter: string
  readonly #wanted: ReadonlySet<EventType>
  readonly #backend: EventBackend
  readonly #wallMs: () => number
  /** Candidates that were told of the present peer connection: every description repeats them. */
  readonly #told = new WeakMap<EventSubject, Set<string>>()

  constructor({ emitter, types, backend, wallMs = Date.now }: EventStreamOptions) {
    this.#emitter = emitter
    this.#wanted = new Set(types)
    this.#backend = backend
    this.#wallMs = wallMs
  }

  sessionCreated(sessionId: number, { transport, id }: EventTransport): void {
    this.#session(sessionId, { name: 'created', transport: { transport, id } })
  }

  sessionDestroyed(sessionId: number): void {
    this.#session(sessionId, { name: 'destroyed' })
  }

  sessionTimedOut(sessionId: number): void {
    this.#session(sessionId, { name: 'timeout' })
  }

  handleAttached(handle: EventSubject): void {
    this.#lifeOf(handle, 'attached')
  }

  handleDetached(handle: EventSubject): void {
    this.#told.delete(handle)
    this.#lifeOf(handle, 'detached')
  }

  custom(schema: string, data: object): void {
    this.#tell('external', {}, { schema, data })
  }

  description(handle: EventSubject, owner: 'local' | 'remote', { type, sdp }: Jsep): void {
    if (this.#wanted.has('jsep')) this.#of(handle, 'jsep', { owner, jsep: { type, sdp: redactSdp(sdp) } })
    if (!this.#wanted.has('webrtc')) return
    for (const candidate of candidatesIn(sdp)) this.#candidate(handle, owner, candidate)
  }

  candidates(handle: EventSubject, candidates: Candidates): void {
    if (!this.#wanted.has('webrtc')) return
    for (const each of candidates) if (each) this.#candidate(handle, 'remote', each.candidate)
  }

  connected(handle: EventSubject, info: () => Promise<HandleInfo | undefined>): void {
    this.#of(handle, 'webrtc', { ice: 'connected', ...component }, 1)
    this.#of(handle, 'webrtc', { dtls: 'connected', ...component, retransmissions: 0 }, 5)
    this.#of(handle, 'webrtc', { connection: 'webrtcup' }, 6)
    if (this.#wanted.has('webrtc')) void this.#pair(handle, info())
  }

  hungUp(handle: EventSubject, reason: string): void {
    this.#told.delete(handle)
    if (reason === 'ICE failed') this.#of(handle, 'webrtc', { ice: 'failed', ...component }, 1)
    this.#of(handle, 'webrtc', { connection: 'hangup', reason }, 6)
  }

  media(handle: EventSubject, mid: string, media: string, receiving: boolean, seconds?: number): void {
    this.#of(handle, 'media', { media, mid, receiving, ...(seconds !== undefined && { seconds }) }, 1)
  }

  slowLink(handle: EventSubject, mid: string, media: string, uplink: boolean, lost: number): void {
    this.#of(handle, 'media', { media, mid, slow_link: uplink ? 'uplink' : 'downlink', lost_lastsec: lost }, 2)
  }

  statistics(handle: EventSubject, { media, estimateBps, data }: HandleFigures): void {
    for (const line of media) this.#of(handle, 'media', mediaStatistics(line, estimateBps), 3)
    if (data) this.#of(handle, 'media', dataStatistics(data), 3)
  }

  plugin(handle: EventSubject, data: object): void {
    this.#of(handle, 'plugins', { plugin: handle.plugin.packageName, data })
  }

  transport({ transport, id }: EventTransport, data: object): void {
    this.#tell('transports', {}, { transport, id, data })
  }

  started(info: object): void {
    this.#tell('core', {}, { status: 'started', info }, 1)
  }

  shutdown(signum: number): void {
    this.#tell('core', {}, { status: 'shutdown', signum }, 2)
  }

  #session(sessionId: number, event: object): void {
    this.#tell('sessions', { session_id: sessionId }, event)
  }

  #lifeOf(handle: EventSubject, name: 'attached' | 'detached'): void {
    const { plugin, opaqueId } = handle
    this.#of(handle, 'handles', {
      name,
      plugin: plugin.packageName,
      ...(opaqueId !== undefined && { opaque_id: opaqueId }),
    })
  }

  /** A worker has to be asked first: nothing is told of a peer connection that has ended meanwhile. */
  async #pair(handle: EventSubject, info: Promise<HandleInfo | undefined>): Promise<void> {
    const told = this.#toldOf(handle)
    const selected = (await info)?.peerConnection?.ice.selected
    if (!selected || this.#told.get(handle) !== told) return
    this.#of(handle, 'webrtc', { ...selectedPair(selected), ...component }, 4)
  }

  #toldOf(handle: EventSubject): Set<string> {
    const told = this.#told.get(handle) ?? new Set()
    this.#told.set(handle, told)
    return told
  }

  #candidate(handle: EventSubject, owner: 'local' | 'remote', candidate: string): void {
    const told = this.#toldOf(handle)
    const key = `${owner} ${candidate}`
    if (told.has(key) || told.size >= CANDIDATES_MAX) return
    told.add(key)
    this.#of(handle, 'webrtc', { [`${owner}-candidate`]: candidate, ...component }, owner === 'local' ? 2 : 3)
  }

  #of(handle: EventSubject, type: EventType, event: object, subtype?: number): void {
    const { id, sessionId, opaqueId } = handle
    const opaque = opaqueId !== undefined && { opaque_id: opaqueId }
    this.#tell(type, { session_id: sessionId, handle_id: id, ...opaque }, event, subtype)
  }

  #tell(type: EventType, about: object, event: object, subtype?: number): void {
    if (!this.#wanted.has(type)) return
    this.#backend.publish({
      emitter: this.#emitter,
      type: eventTypes[type],
      ...(subtype !== undefined && { subtype }),
      timestamp: Math.round(this.#wallMs() * 1_000),
      ...about,
      event,
    })
  }
}

/** More candidates of one peer connection are not told: a browser has some dozens. */
const CANDIDATES_MAX = 256
