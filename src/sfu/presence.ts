/**
 * Who is a user of which room, and who hears of it. A user is all joined connections with one user id in a
 * room: announced when the first of them counts, and again when the last is gone.
 */
import { type SfuEvent, shared } from './events.js'
import { type Profile, profiles } from './profile.js'
import { Quota, type QuotaLimits } from './quota.js'
import { type Member, Room, User } from './room.js'

export interface Occupancy {
  rooms: number
  users: number
  listeners: number
}

/** A page listens on one handle, a server that speaks for many users on one for each of them. */
const LISTENERS_PER_SESSION = 256
/** One address may have as many as it may have sockets, but not fewer than these. */
const LISTENERS_PER_ADDRESS = 4096

/**
 * Each joining and leaving is told to every listener, so these bound what it costs.
 * @param socketsPerAddress WebSockets that one address may have
 */
export const listenerLimits = (socketsPerAddress: number): QuotaLimits => ({
  perSession: LISTENERS_PER_SESSION,
  perAddress: Math.max(LISTENERS_PER_ADDRESS, socketsPerAddress),
})

export class Presence {
  readonly #rooms = new Map<string, Room>()
  readonly #roomsByUser = new Map<string, Set<Room>>()
  /** Connections with `notifications:true`, joined or not. */
  readonly #listeners = new Set<Member>()
  readonly #listening: Quota
  #users = 0

  /** @param listeners how many of them a session and an address may have; asked each time */
  constructor(listeners: () => QuotaLimits) {
    this.#listening = new Quota(listeners)
  }

  /** Users on the server: the users of all rooms. */
  get users(): number {
    return this.#users
  }

  get occupancy(): Occupancy {
    return { rooms: this.#rooms.size, users: this.#users, listeners: this.#listeners.size }
  }

  room(roomId: string): Room | undefined {
    return this.#rooms.get(roomId)
  }

  rooms(): Iterable<Room> {
    return this.#rooms.values()
  }

  /** Users of any room. */
  userIds(): Iterable<string> {
    return this.#roomsByUser.keys()
  }

  /** Rooms in which a user is. */
  roomsOf(userId: string): Iterable<Room> {
    return this.#roomsByUser.get(userId) ?? []
  }

  /**
   * Whether `listen` may be called for it: it listens already, or may as well.
   * @param isStranger it is in no room, nor about to be
   */
  mayListen(member: Member, isStranger: boolean): boolean {
    return this.#listening.hasRoom(member, member, isStranger)
  }

  /** Call when `member.notifications` changed, and when it is gone. @param isStranger as for `mayListen` */
  listen(member: Member, on: boolean, isStranger: boolean): void {
    if (on) {
      if (this.#listening.take(member, member, isStranger)) this.#listeners.add(member)
    } else {
      this.#listening.giveBack(member)
      this.#listeners.delete(member)
    }
  }

  /** Adds a connection to a user of a room; both are made when they do not exist. */
  join(member: Member, roomId: string, userId: string): Room {
    this.#listening.admit(member)
    let room = this.#rooms.get(roomId)
    if (!room) this.#rooms.set(roomId, (room = new Room(roomId)))
    let user = room.users.get(userId)
    if (!user) {
      room.users.set(userId, (user = new User(userId)))
      this.#users++
      const rooms = this.#roomsByUser.get(userId) ?? new Set<Room>()
      this.#roomsByUser.set(userId, rooms.add(room))
    }
    const joined = user
    this.#announce(room, user, () => joined.connections.add(member))
    return room
  }

  /** Takes a connection away; the room is gone when it was the last. */
  leave(member: Member, room: Room, userId: string): void {
    const user = room.users.get(userId)
    if (!user?.connections.has(member)) return
    this.#announce(room, user, () => user.connections.delete(member))
    if (user.connections.size > 0) return
    room.users.delete(userId)
    this.#users--
    const rooms = this.#roomsByUser.get(userId)
    if (rooms?.delete(room) && rooms.size === 0) this.#roomsByUser.delete(userId)
    if (room.users.size === 0) this.#rooms.delete(room.id)
  }

  /** Changes what a profile looks at in a joined connection, and announces what came of it. */
  change(room: Room, userId: string, change: () => void): void {
    const user = room.users.get(userId)
    if (user) this.#announce(room, user, change)
    else change()
  }

  /** Ends a user's older clients. To the others it leaves and joins, also when a newer connection had joined before. */
  replace(room: Room, userId: string, end: () => void): void {
    const listing = () => {
      const user = room.users.get(userId)
      return Object.values(profiles).map((profile) => (user && profile.lists(user.connections) ? profile : undefined))
    }
    const before = listing()
    end()
    const user = room.users.get(userId)
    for (const [index, profile] of listing().entries()) {
      // Who is listed no more, or only now, was announced as such.
      if (!user || !profile || before[index] !== profile) continue
      this.#tell(profile, room, user, { event: 'leave', user_id: userId, room_id: room.id })
      this.#tell(profile, room, user, { event: 'join', user_id: userId, room_id: room.id })
    }
  }

  #announce(room: Room, user: User, change: () => unknown): void {
    const all: Profile[] = Object.values(profiles)
    const before = all.map((profile) => profile.lists(user.connections))
    change()
    all.forEach((profile, index) => {
      const listed = profile.lists(user.connections)
      if (listed === before[index]) return
      this.#tell(profile, room, user, { event: listed ? 'join' : 'leave', user_id: user.id, room_id: room.id })
    })
  }

  /** Everybody who may hear it, except the user itself in that room. */
  #tell(profile: Profile, room: Room, user: User, event: SfuEvent): void {
    const told = shared(event)
    for (const listener of profile.reach === 'room' ? room.members() : this.#listeners) {
      if (listener.profile !== profile || user.connections.has(listener) || !this.#listeners.has(listener)) continue
      if (profile.hears(listener, room.id)) listener.push(told)
    }
  }
}
