/** The endpoints of a worker, and by what packets name them. */
import type { EndpointId } from './control.js'
import { type Due, newDue } from './deadline-heap.js'
import type { Endpoint } from './endpoint/endpoint.js'
import type { Peer } from './forward/router.js'

/** What the worker keeps per endpoint: its parts, and who feeds it. */
export interface Seat extends Due {
  endpoint: Endpoint
  peer: Peer
  ufrags: string[]
  /** The endpoint whose streams it gets, which may not exist (yet). */
  source: EndpointId | null
  /** Whether data-channel messages or acknowledgements of it leave at the end of the batch. */
  isUnflushed: boolean
}

export class Seats {
  readonly #byId = new Map<EndpointId, Seat>()
  readonly #byTransport = new Map<number, Seat>()
  readonly #byUfrag = new Map<string, Seat>()

  get size(): number {
    return this.#byId.size
  }

  get ufrags(): number {
    return this.#byUfrag.size
  }

  /** By the endpoint's number. */
  get(id: EndpointId): Seat | undefined {
    return this.#byId.get(id)
  }

  /** By its transport of the io. */
  at(transport: number): Seat | undefined {
    return this.#byTransport.get(transport)
  }

  /** By a username fragment of ours that it has now, or had before an ICE restart. */
  named(ufrag: string): Seat | undefined {
    return this.#byUfrag.get(ufrag)
  }

  /** In the order of their numbers. */
  entries(): Iterable<[EndpointId, Seat]> {
    return this.#byId
  }

  all(): Iterable<Seat> {
    return this.#byId.values()
  }

  /** Gives the endpoint a seat. @param ufrag its first one */
  open(endpoint: Endpoint, peer: Peer, ufrag: string): Seat {
    const seat: Seat = { endpoint, peer, ufrags: [], source: null, isUnflushed: false, ...newDue() }
    this.#byId.set(endpoint.id, seat)
    this.#byTransport.set(endpoint.transport, seat)
    this.name(seat, ufrag)
    return seat
  }

  /** Checks find the endpoint by its ufrag, and until one has by the new ufrag also by the one before: no older ones. */
  name(seat: Seat, ufrag: string): void {
    seat.ufrags.push(ufrag)
    this.#byUfrag.set(ufrag, seat)
    if (seat.ufrags.length > 2) this.#byUfrag.delete(seat.ufrags.shift()!)
  }

  /** @returns false when it was not there any more */
  remove({ endpoint, ufrags }: Seat): boolean {
    if (!this.#byId.delete(endpoint.id)) return false
    this.#byTransport.delete(endpoint.transport)
    for (const ufrag of ufrags) this.#byUfrag.delete(ufrag)
    return true
  }
}
