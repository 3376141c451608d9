/**
 * Which publisher is mirrored on which worker, and how workers reach each other. A mirror is made for the first subscriber
 * that lives on another worker than its publisher, and ends with the last one, or with its publisher.
 */
import { randomBytes } from 'node:crypto'
import type { EndpointId } from './control.js'
import { type EndpointHome, type Mirror, type Mirroring, mirrorPlace, type WorkerEndpoint } from './pooled-endpoint.js'

/** One direction of a link: an AES-128 key and a salt (RFC 7714 §12). */
const KEY_BYTES = 28
/** Links get new keys so often: none of them lasts for ever. */
const RENEW_MS = 24 * 60 * 60 * 1000

/** Lives that no worker has. */
const NONE: readonly [number, number] = [-1, -1]

/** Two workers that can reach each other, as long as both live. */
interface Pair {
  readonly ends: readonly [EndpointHome, EndpointHome]
  /** Those of both that were told of each other. */
  lives: readonly [number, number]
}

export class Mirrors implements Mirroring {
  readonly #newId: () => EndpointId
  readonly #pairs = new Map<string, Pair>()
  #renewal: NodeJS.Timeout | undefined

  /** @param newId a number that no endpoint has */
  constructor(newId: () => EndpointId) {
    this.#newId = newId
  }

  /** Begins to renew the keys of links. */
  start(): void {
    this.#renewal = setInterval(() => this.renew(), RENEW_MS).unref()
  }

  /** Ends that; links stay as they are. */
  stop(): void {
    clearInterval(this.#renewal)
  }

  /** New keys for all links. What is on its way is lost, and asked for again. */
  renew(): void {
    for (const pair of this.#pairs.values()) if (isUp(pair)) this.#tell(pair)
  }

  hold(publisher: WorkerEndpoint, home: EndpointHome, follower: WorkerEndpoint): Mirror {
    const mirror = publisher.mirrors.get(home) ?? this.#open(publisher, home)
    mirror.followers.add(follower)
    return mirror
  }

  release(mirror: Mirror, follower: WorkerEndpoint): void {
    mirror.followers.delete(follower)
    if (mirror.followers.size === 0) this.#close(mirror, follower.home)
  }

  end(publisher: WorkerEndpoint): void {
    for (const [home, mirror] of publisher.mirrors) this.#close(mirror, home)
  }

  #open(publisher: WorkerEndpoint, home: EndpointHome): Mirror {
    const id = this.#newId()
    const followers = new Set<WorkerEndpoint>()
    const failed = () => {
      this.#close(mirror, home)
      // They would hear nothing any more and not know it.
      for (const follower of [...followers]) follower.fail()
    }
    const mirror: Mirror = { id, publisher, followers, failed }
    publisher.mirrors.set(home, mirror)
    home.mirrors.set(id, mirror)
    this.#link(publisher.home, home)
    home.send({ kind: 'mirror', endpoint: id, from: publisher.worker })
    home.send({ kind: 'setReceiveStreams', endpoint: id, streams: publisher.streams })
    const { whereabouts } = publisher
    if (whereabouts) home.send({ kind: 'place', endpoint: id, ...mirrorPlace(whereabouts) })
    publisher.home.send({ kind: 'pass', endpoint: publisher.id, mirror: id, to: home.index })
    return mirror
  }

  #close(mirror: Mirror, home: EndpointHome): void {
    const { id, publisher } = mirror
    if (!home.mirrors.delete(id)) return
    publisher.mirrors.delete(home)
    publisher.home.send({ kind: 'unpass', mirror: id })
    home.send({ kind: 'close', endpoint: id })
  }

  #link(a: EndpointHome, b: EndpointHome): void {
    const ends = a.index < b.index ? ([a, b] as const) : ([b, a] as const)
    const key = ends.map(({ index }) => index).join()
    const known = this.#pairs.get(key)
    if (known && isUp(known)) return
    const pair = known ?? { ends, lives: NONE }
    this.#pairs.set(key, pair)
    this.#tell(pair)
  }

  /** Tells both ends of each other, and keys that nobody else has. */
  #tell(pair: Pair): void {
    const [a, b] = pair.ends
    if (a.relayPort === undefined || b.relayPort === undefined) throw new Error('workers that cannot reach each other')
    pair.lives = [a.life, b.life]
    const { lives } = pair
    const [there, back] = [randomBytes(KEY_BYTES), randomBytes(KEY_BYTES)]
    const told = [
      a.ask({ kind: 'link', worker: b.index, port: b.relayPort, keys: Buffer.concat([there, back]) }),
      b.ask({ kind: 'link', worker: a.index, port: a.relayPort, keys: Buffer.concat([back, there]) }),
    ]
    void Promise.all(told).then((made) => {
      // Everything of a worker that died meanwhile has ended already.
      if (made.every(Boolean) || lives !== pair.lives || !isUp(pair)) return
      this.#broke(pair)
    })
  }

  /** Nothing gets from one to the other: the next one who needs it tries again. */
  #broke(pair: Pair): void {
    const [a, b] = pair.ends
    pair.lives = NONE
    for (const [home, other] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const mirror of [...home.mirrors.values()]) if (mirror.publisher.home === other) mirror.failed()
    }
  }
}

/** Whether both are still those that were told of each other. */
function isUp({ ends, lives }: Pair): boolean {
  return ends.every(({ running, life }, i) => running && life === lives[i])
}
