/**
 * How many of something that is dear a session has, and how many all clients of one address have: PeerConnections, each of
 * which costs a transport of a worker that has few thousand of them, or connections that are told of everybody who comes and
 * goes. One client must not take all of it, however many sessions and sockets it opens.
 */

export interface QuotaLimits {
  /** At least 1. */
  readonly perSession: number
  /** At least 1. */
  readonly perAddress: number
}

/** Whose place it is. */
export interface QuotaClient {
  readonly sessionId: number
  /** Key of the client's address. */
  readonly address: string
}

/** The share of both limits that those may have together who have not joined: they must not keep others of their address from it. */
const SHARE_OF_STRANGERS = 1 / 8
/** However small the limit is: a class whose pages all offer before they join comes within seconds. */
const STRANGERS_MIN = 64
const strangersOf = (limit: number) => Math.min(limit, Math.max(STRANGERS_MIN, limit * SHARE_OF_STRANGERS))

interface Place extends QuotaClient {
  isStranger: boolean
}

export class Quota {
  readonly #limits: () => QuotaLimits
  readonly #places = new Map<object, Place>()
  readonly #bySession = new Counts<number>()
  readonly #byAddress = new Counts<string>()
  readonly #strangersBySession = new Counts<number>()
  readonly #strangersByAddress = new Counts<string>()

  /** @param limits asked each time, so that they may change */
  constructor(limits: () => QuotaLimits) {
    this.#limits = limits
  }

  /** Places taken, over all sessions. */
  get taken(): number {
    return this.#places.size
  }

  /** Whether `take` would give a place. */
  hasRoom({ sessionId, address }: QuotaClient, owner: object, isStranger = false): boolean {
    if (this.#places.has(owner)) return true
    const { perSession, perAddress } = this.#limits()
    if (this.#bySession.of(sessionId) >= perSession || this.#byAddress.of(address) >= perAddress) return false
    return (
      !isStranger ||
      (this.#strangersBySession.of(sessionId) < strangersOf(perSession) &&
        this.#strangersByAddress.of(address) < strangersOf(perAddress))
    )
  }

  /**
   * Takes a place for `owner`, who keeps the one that he has.
   * @param isStranger has not joined, and has only a share of the places
   * @returns false when there are no more of them
   */
  take(client: QuotaClient, owner: object, isStranger = false): boolean {
    if (!this.hasRoom(client, owner, isStranger)) return false
    if (this.#places.has(owner)) return true
    const { sessionId, address } = client
    this.#places.set(owner, { sessionId, address, isStranger })
    this.#bySession.add(sessionId, 1)
    this.#byAddress.add(address, 1)
    if (isStranger) this.#countStranger(client, 1)
    return true
  }

  /** Has joined, and is no stranger any more. */
  admit(owner: object): void {
    const place = this.#places.get(owner)
    if (!place?.isStranger) return
    place.isStranger = false
    this.#countStranger(place, -1)
  }

  /** Twice is harmless. */
  giveBack(owner: object): void {
    const place = this.#places.get(owner)
    if (!place) return
    this.admit(owner)
    this.#places.delete(owner)
    this.#bySession.add(place.sessionId, -1)
    this.#byAddress.add(place.address, -1)
  }

  #countStranger({ sessionId, address }: QuotaClient, by: number): void {
    this.#strangersBySession.add(sessionId, by)
    this.#strangersByAddress.add(address, by)
  }
}

/** Forgets what is at 0. */
class Counts<K> {
  readonly #counts = new Map<K, number>()

  of(key: K): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: K, by: number): void {
    const count = this.of(key) + by
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}
