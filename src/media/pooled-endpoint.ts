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
  Place,
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
  send(command: Sent): void
  /** Resolves when the worker has carried it out; with undefined when it is gone or has no answer. */
  ask<C extends Sent>(command: C): Promise<AnswerTo<C['kind']> | undefined>
}

/** Who wants to know in which rooms a worker has endpoints. */
export interface RoomObserver {
  entered(room: string): void
  left(room: string): void
}

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
  #room: string | undefined
  #ended = false

  /** Opens it on `home`, which is running. */
  constructor(home: EndpointHome, id: EndpointId, observer: EndpointObserver, rooms: RoomObserver) {
    this.#home = home
    this.#rooms = rooms
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

  connect(remote: IceCredentials, dtls: Parameters<PooledEndpoint['connect']>[1], maxMessageBytes?: number): void {
    const limit = maxMessageBytes === undefined ? {} : { maxMessageBytes }
    this.#send({ kind: 'connect', endpoint: this.id, remote, dtls, ...limit })
  }

  restart(): void {
    this.ice = newCredentials()
    this.#send({ kind: 'restart', endpoint: this.id, local: this.ice })
  }

  receive(streams: Parameters<PooledEndpoint['receive']>[0]): void {
    this.#send({ kind: 'receive', endpoint: this.id, streams })
  }

  send(streams: Parameters<PooledEndpoint['send']>[0]): void {
    this.#send({ kind: 'send', endpoint: this.id, streams })
  }

  prefer(preferences: Parameters<PooledEndpoint['prefer']>[0]): void {
    this.#send({ kind: 'prefer', endpoint: this.id, preferences })
  }

  source(publisher: PooledEndpoint | null): void {
    if (publisher && publisher.worker !== this.worker) throw new Error('publisher and subscriber on different workers')
    this.#send({ kind: 'source', endpoint: this.id, publisher: publisher?.id ?? null })
  }

  place(place: Place): void {
    if (this.#ended) return
    if (this.#room === undefined) {
      this.#room = place.room
      this.#rooms.entered(place.room)
    }
    this.#send({ kind: 'place', endpoint: this.id, ...place })
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

  /** It ended by itself, or its worker did. */
  ended(reason: Parameters<EndpointObserver['closed']>[0]): void {
    if (this.#ended) return
    this.#end()
    this.observer.closed(reason)
  }

  #end(): void {
    this.#ended = true
    this.#home.endpoints.delete(this.id)
    if (this.#room !== undefined) this.#rooms.left(this.#room)
  }

  #send(command: Sent): void {
    if (!this.#ended) this.#home.send(command)
  }
}
