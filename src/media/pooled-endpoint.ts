/** The main process' end of one peer connection: commands go to its worker, reports come to its observer. */
import { randomInt } from 'node:crypto'
import type {
  Answers,
  Candidate,
  CaptureAnswer,
  CaptureOptions,
  Command,
  EndpointId,
  EndpointInfo,
  Fingerprint,
  IceCredentials,
  MirroredSource,
  Place,
  ReceiveStream,
} from './control.js'
import type { EndpointObserver, PooledEndpoint } from './pool-types.js'

/** Distributes over `Command`, so that every kind keeps its own fields. */
export type Sent = Command extends infer C ? (C extends unknown ? Omit<C, 'ask'> : never) : never

/** What a question of that kind is answered with. */
export type AnswerTo<K> = K extends keyof Answers ? Answers[K] : undefined

/** The worker that an endpoint lives on. */
export interface EndpointHome {
  readonly index: number
  readonly fingerprint: Fingerprint
  readonly candidates: readonly Candidate[]
  readonly endpoints: Map<EndpointId, WorkerEndpoint>
  /** Mirrors of other workers' publishers that it has. */
  readonly mirrors: Map<EndpointId, Mirror>
  readonly running: boolean
  /** Another one with every start. */
  readonly life: number
  /** Loopback port for packets of other workers; undefined when there are none. */
  readonly relayPort: number | undefined
  send(command: Sent): void
  /** Resolves when the worker has carried it out; with undefined when it is gone or has no answer. */
  ask<C extends Sent>(command: C): Promise<AnswerTo<C['kind']> | undefined>
}

/** What stands for a publisher on another worker. */
export interface Mirror {
  readonly id: EndpointId
  readonly publisher: WorkerEndpoint
  /** Subscribers that get it. */
  readonly followers: Set<WorkerEndpoint>
  /** Its worker ended it by itself. */
  failed(): void
}

/** Has mirrors made of publishers, and unmade. */
export interface Mirroring {
  /** The mirror of `publisher` on `home`, which `follower` gets from now on. */
  hold(publisher: WorkerEndpoint, home: EndpointHome, follower: WorkerEndpoint): Mirror
  /** The last follower that goes takes the mirror with it. */
  release(mirror: Mirror, follower: WorkerEndpoint): void
  /** The publisher has ended. */
  end(publisher: WorkerEndpoint): void
}

/** Who wants to know in which rooms a worker has endpoints. */
export interface RoomObserver {
  entered(room: string): void
  left(room: string): void
}

/** A mirror has no data channels. */
export const mirrorPlace = (place: Place): Place => ({ ...place, relaysData: false, receivesData: false })

const iceChars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** A draw has 48 bits, which is 8 of these, less one value. */
const CHARACTERS_AT_ONCE = 7

function randomIceString(length: number): string {
  let text = ''
  for (let bits = 0; text.length < length; bits = Math.floor(bits / 64)) {
    if (text.length % CHARACTERS_AT_ONCE === 0) bits = randomInt(64 ** CHARACTERS_AT_ONCE)
    text += iceChars[bits % 64]
  }
  return text
}

/** RFC 8445 §5.3 asks for 24 and 128 bits at least; these are 48 and 144. */
const newCredentials = (): IceCredentials => ({ ufrag: randomIceString(8), pwd: randomIceString(24) })

export class WorkerEndpoint implements PooledEndpoint {
  readonly id: EndpointId
  readonly observer: EndpointObserver
  readonly fingerprint: Fingerprint
  readonly candidates: readonly Candidate[]
  ice = newCredentials()
  readonly #home: EndpointHome
  readonly #rooms: RoomObserver
  readonly #mirroring: Mirroring
  /** Its mirrors on other workers. */
  readonly mirrors = new Map<EndpointHome, Mirror>()
  #streams: ReceiveStream[] = []
  #place: Place | undefined
  /** Whose packets it gets, when its publisher lives on another worker. */
  #mirror: Mirror | undefined
  #ended = false

  /** Opens it on `home`, which is running. */
  constructor(
    home: EndpointHome,
    id: EndpointId,
    observer: EndpointObserver,
    rooms: RoomObserver,
    mirroring: Mirroring,
  ) {
    this.#home = home
    this.#rooms = rooms
    this.#mirroring = mirroring
    this.id = id
    this.observer = observer
    this.fingerprint = home.fingerprint
    this.candidates = home.candidates
    home.endpoints.set(id, this)
    home.send({ kind: 'open', endpoint: id, local: this.ice })
  }

  get worker(): number {
    return this.#home.index
  }

  get home(): EndpointHome {
    return this.#home
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What it sends, as its worker was told. */
  get streams(): ReceiveStream[] {
    return this.#streams
  }

  /** Where it is, or undefined before it joins. */
  get whereabouts(): Place | undefined {
    return this.#place
  }

  connect(remote: IceCredentials, dtls: Parameters<PooledEndpoint['connect']>[1], maxMessageBytes?: number): void {
    const limit = maxMessageBytes === undefined ? {} : { maxMessageBytes }
    this.#send({ kind: 'connect', endpoint: this.id, remote, dtls, ...limit })
  }

  restart(): void {
    this.ice = newCredentials()
    this.#send({ kind: 'restart', endpoint: this.id, local: this.ice })
  }

  setReceiveStreams(streams: Parameters<PooledEndpoint['setReceiveStreams']>[0]): void {
    this.#streams = streams
    this.#send({ kind: 'setReceiveStreams', endpoint: this.id, streams })
    for (const [home, { id }] of this.mirrors) home.send({ kind: 'setReceiveStreams', endpoint: id, streams })
  }

  setSendStreams(streams: Parameters<PooledEndpoint['setSendStreams']>[0]): void {
    this.#send({ kind: 'setSendStreams', endpoint: this.id, streams })
  }

  prefer(preferences: Parameters<PooledEndpoint['prefer']>[0]): void {
    this.#send({ kind: 'prefer', endpoint: this.id, preferences })
  }

  follow(publisher: PooledEndpoint | null): void {
    const before = this.#mirror
    this.#mirror = undefined
    let source = publisher?.id ?? null
    if (publisher && publisher.worker !== this.worker && !this.#ended) {
      if (!(publisher instanceof WorkerEndpoint)) throw new TypeError('an endpoint of another pool')
      this.#mirror = publisher.ended ? undefined : this.#mirroring.hold(publisher, this.#home, this)
      source = this.#mirror?.id ?? null
    }
    this.#send({ kind: 'follow', endpoint: this.id, publisher: source })
    if (before && before !== this.#mirror) this.#mirroring.release(before, this)
  }

  place(place: Place): void {
    if (this.#ended) return
    if (this.#place === undefined) this.#rooms.entered(place.room)
    this.#place = place
    this.#send({ kind: 'place', endpoint: this.id, ...place })
    for (const [home, { id }] of this.mirrors) home.send({ kind: 'place', endpoint: id, ...mirrorPlace(place) })
  }

  /** Which SSRC of it is what: its worker says so while it has mirrors. */
  setSources(sources: MirroredSource[]): void {
    for (const [home, { id }] of this.mirrors) home.send({ kind: 'sources', endpoint: id, sources })
  }

  async inspect(): Promise<EndpointInfo | undefined> {
    return this.#ended ? undefined : this.#home.ask({ kind: 'inspect', endpoint: this.id })
  }

  async capture(capture: CaptureOptions | null): Promise<CaptureAnswer | undefined> {
    return this.#ended ? undefined : this.#home.ask({ kind: 'capture', endpoint: this.id, capture })
  }

  close(): void {
    if (this.#ended) return
    this.#send({ kind: 'close', endpoint: this.id })
    this.#end()
  }

  /** Its worker cannot go on with it. */
  fail(): void {
    this.#send({ kind: 'close', endpoint: this.id })
    this.closed('Internal error')
  }

  /** It ended by itself, or its worker did. */
  closed(reason: Parameters<EndpointObserver['closed']>[0]): void {
    if (this.#ended) return
    this.#end()
    this.observer.closed(reason)
  }

  #end(): void {
    this.#ended = true
    this.#home.endpoints.delete(this.id)
    this.#mirroring.end(this)
    if (this.#mirror) this.#mirroring.release(this.#mirror, this)
    if (this.#place !== undefined) this.#rooms.left(this.#place.room)
  }

  #send(command: Sent): void {
    if (!this.#ended) this.#home.send(command)
  }
}
