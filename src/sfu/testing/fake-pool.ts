/** A media pool without workers: writes down what it is told and lets tests report what workers would. */
import {
  type CaptureAnswer,
  type CaptureOptions,
  defaultMediaSettings,
  type EndpointFigures,
  type EndpointInfo,
  type HangupReason,
  type MediaSettings,
  type Place,
} from '../../media/control.js'
import type { EndpointObserver, MediaPool, PooledEndpoint, Wanted } from '../../media/pool-types.js'

export type Call = readonly [method: string, ...args: unknown[]]

export class FakeEndpoint implements PooledEndpoint {
  readonly id: number
  readonly worker: number
  readonly observer: EndpointObserver
  readonly calls: Call[] = []
  readonly candidates = [
    { foundation: '1', component: 1, protocol: 'udp', priority: 2130706431, ip: '192.0.2.1', port: 40000 },
  ] as const
  readonly fingerprint
  closed = false
  feeds: FakeEndpoint | null = null
  placed: Place | undefined
  #restarts = 0

  constructor(id: number, worker: number, observer: EndpointObserver) {
    this.id = id
    this.worker = worker
    this.observer = observer
    const value = Array.from({ length: 32 }, () => worker.toString(16).padStart(2, '0').toUpperCase()).join(':')
    this.fingerprint = { algorithm: 'sha-256', value } as const
  }

  get ice() {
    const name = `e${this.id}r${this.#restarts}`
    return { ufrag: `${name}ufrag`, pwd: `${name}passwordpasswordpassword` }
  }

  /** Names of the methods called, in order. */
  get methods(): string[] {
    return this.calls.map(([method]) => method)
  }

  connect(...args: Parameters<PooledEndpoint['connect']>): void {
    this.#called('connect', ...args)
  }
  restart(): void {
    this.#called('restart')
    this.#restarts++
  }
  setReceiveStreams(...args: Parameters<PooledEndpoint['setReceiveStreams']>): void {
    this.#called('setReceiveStreams', ...args)
  }
  setSendStreams(...args: Parameters<PooledEndpoint['setSendStreams']>): void {
    this.#called('setSendStreams', ...args)
  }
  prefer(...args: Parameters<PooledEndpoint['prefer']>): void {
    this.#called('prefer', ...args)
  }
  follow(publisher: PooledEndpoint | null): void {
    const endpoint = publisher as FakeEndpoint | null
    if (endpoint?.closed) throw new Error('publisher is closed')
    this.#called('follow', endpoint?.id ?? null)
    this.feeds = endpoint
  }
  place(place: Place): void {
    this.#called('place', place)
    this.placed = place
  }
  /** What `inspect` answers. */
  known: EndpointInfo | undefined
  inspect(): Promise<EndpointInfo | undefined> {
    return Promise.resolve(this.closed ? undefined : this.known)
  }
  capturing = false
  capture(capture: CaptureOptions | null): Promise<CaptureAnswer | undefined> {
    if (this.closed) return Promise.resolve(undefined)
    if (this.capturing === (capture !== null)) return Promise.resolve(capture ? 'already started' : 'not started')
    this.capturing = capture !== null
    return Promise.resolve(capture ? 'started' : 'stopped')
  }
  close(): void {
    this.closed = true
  }

  /** The peer connection comes up. */
  connects(): void {
    this.observer.connected()
  }

  /** No checks come any more, or they do again. */
  silence(isSilent: boolean): void {
    this.observer.silence(isSilent)
  }

  /** The peer connection ends by itself, as a worker would report it: not after `close`. */
  ends(reason: HangupReason): void {
    if (this.closed) return
    this.closed = true
    this.observer.closed(reason)
  }

  #called(...call: Call): void {
    if (this.closed) throw new Error(`${call[0]} on a closed endpoint`)
    this.calls.push(call)
  }
}

export class FakePool implements MediaPool {
  readonly size = 4
  settings: MediaSettings = { ...defaultMediaSettings }
  configure(settings: MediaSettings): void {
    this.settings = settings
  }
  readonly endpoints: FakeEndpoint[] = []
  /** Blocked pairs in force: room, then the two users in order, in JSON. */
  readonly blocked = new Set<string>()
  readonly opened: Wanted[] = []
  running = true
  /** Where the next endpoints go that name no worker. */
  nextWorker = 0
  /** Set to keep `block` from resolving until `release` is called. */
  holdBlocks = false
  #held: (() => void)[] = []

  get live(): FakeEndpoint[] {
    return this.endpoints.filter((endpoint) => !endpoint.closed)
  }

  get last(): FakeEndpoint {
    return this.endpoints.at(-1)!
  }

  open(where: Wanted, observer: EndpointObserver): FakeEndpoint | undefined {
    if (!this.running) return undefined
    this.opened.push(where)
    const worker = where.worker ?? where.publisher?.worker ?? this.nextWorker
    const endpoint = new FakeEndpoint(this.endpoints.length + 1, worker, observer)
    this.endpoints.push(endpoint)
    return endpoint
  }

  /** Set to keep `ready` from resolving. */
  restarting: Promise<void> | undefined

  ready(): Promise<void> {
    return this.restarting ?? Promise.resolve()
  }

  isBlocked(room: string, a: string, b: string): boolean {
    return this.blocked.has(pairKey(room, a, b))
  }

  block(room: string, [a, b]: readonly [string, string], blocked: boolean): Promise<void> {
    if (blocked) this.blocked.add(pairKey(room, a, b))
    else this.blocked.delete(pairKey(room, a, b))
    return this.holdBlocks ? new Promise((done) => this.#held.push(done)) : Promise.resolve()
  }

  release(): void {
    this.holdBlocks = false
    for (const done of this.#held.splice(0)) done()
  }

  forget(room: string): void {
    for (const key of this.blocked) if (JSON.parse(key)[0] === room) this.blocked.delete(key)
  }

  /** What `figures` answers. */
  known: EndpointFigures[] = []
  figures(): Promise<EndpointFigures[]> {
    return Promise.resolve(this.known)
  }

  counters(): Promise<never[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

const pairKey = (room: string, a: string, b: string) => JSON.stringify([room, ...[a, b].sort()])
