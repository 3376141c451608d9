/**
 * Who is where on this worker, and who may hear whom: the one answer that media subscriptions and the
 * data-channel relay both ask. Changes are rare and answers are read once per change, not per packet.
 */
import type { EndpointId, Place } from './control.js'

interface Room {
  members: Set<EndpointId>
  /** Blocked pairs: user → users. Symmetric. */
  blocks: Map<string, Set<string>>
  /** Other workers have endpoints of this room too. */
  elsewhere: boolean
}

export class Rooms {
  readonly #rooms = new Map<string, Room>()
  readonly #places = new Map<EndpointId, Place>()

  /** Rooms of which anything is known: an endpoint, a block, or that other workers have it. */
  get size(): number {
    return this.#rooms.size
  }

  /** The endpoint is there now, and nowhere else: it takes part in one room at a time. */
  place(endpoint: EndpointId, place: Place): void {
    this.remove(endpoint)
    this.#places.set(endpoint, place)
    this.#room(place.room).members.add(endpoint)
  }

  /** The endpoint is in no room any more. One that was in none is passed over. */
  remove(endpoint: EndpointId): void {
    const place = this.#places.get(endpoint)
    if (!place) return
    this.#places.delete(endpoint)
    this.#room(place.room).members.delete(endpoint)
    this.#drop(place.room)
  }

  /** @returns undefined before it joined */
  placeOf(endpoint: EndpointId): Place | undefined {
    return this.#places.get(endpoint)
  }

  /** @returns endpoints of this worker; undefined when nothing is known of the room */
  membersOf(room: string): ReadonlySet<EndpointId> | undefined {
    return this.#rooms.get(room)?.members
  }

  /**
   * Blocks two users of a room from each other, or ends that, whether they are there or not; twice is harmless. It does not
   * pause anything by itself: what depends on `mayHear` has to be looked at again.
   */
  block(room: string, [a, b]: readonly [string, string], blocked: boolean): void {
    const { blocks } = this.#room(room)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const others = blocks.get(from) ?? new Set()
      if (blocked) blocks.set(from, others.add(to))
      else if (others.delete(to) && others.size === 0) blocks.delete(from)
    }
    this.#drop(room)
  }

  /** Says whether other workers have endpoints of the room too. */
  spread(room: string, elsewhere: boolean): void {
    this.#room(room).elsewhere = elsewhere
    this.#drop(room)
  }

  /** Whether they have, as was said last. */
  isSpread(room: string): boolean {
    return this.#rooms.get(room)?.elsewhere ?? false
  }

  /** The room is empty, here and everywhere. */
  forget(name: string): void {
    const room = this.#rooms.get(name)
    if (!room) return
    room.blocks.clear()
    room.elsewhere = false
    this.#drop(name)
  }

  /** Whether anything of one endpoint may reach the other: both placed, in one room, and no block between. */
  mayHear(listener: EndpointId, speaker: EndpointId): boolean {
    const to = this.#places.get(listener)
    const from = this.#places.get(speaker)
    return (
      to !== undefined && from !== undefined && to.room === from.room && !this.isBlocked(to.room, to.user, from.user)
    )
  }

  /** Whether there is a block between two users of the room, whoever of them wanted it. */
  isBlocked(room: string, a: string, b: string): boolean {
    return this.#rooms.get(room)?.blocks.get(a)?.has(b) ?? false
  }

  /** Calls `tell` with each endpoint that gets a data-channel message of `user`: not the user's own, no block between. */
  forReceivers(room: string, user: string, tell: (receiver: EndpointId) => void): void {
    const { members, blocks } = this.#rooms.get(room) ?? {}
    if (members === undefined) return
    const blocked = blocks?.get(user)
    for (const member of members) {
      const place = this.#places.get(member)
      if (place?.receivesData && place.user !== user && blocked?.has(place.user) !== true) tell(member)
    }
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name)
    if (!room) this.#rooms.set(name, (room = { members: new Set(), blocks: new Map(), elsewhere: false }))
    return room
  }

  #drop(name: string): void {
    const room = this.#rooms.get(name)
    if (room && room.members.size === 0 && room.blocks.size === 0 && !room.elsewhere) this.#rooms.delete(name)
  }
}
