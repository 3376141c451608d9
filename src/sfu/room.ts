/** A room, its users in the order of their joining, and the connections of each user. */
import type { PublishedTrack } from '../jsep/jsep.js'
import type { MediaKind } from '../media/control.js'
import type { PooledEndpoint } from '../media/pool-types.js'
import type { SharedEvent } from './events.js'
import type { Listener, Profile, Traits } from './profile.js'

/** What a publisher has to offer to its subscribers. */
export interface Source {
  readonly endpoint: PooledEndpoint
  /** What it sends now. */
  readonly tracks: readonly PublishedTrack[]
  /** It has a data m-line. */
  readonly data: boolean
  /** Number of tracks of that kind. */
  count(kind: MediaKind): number
}

/** What rooms know of a connection. */
export interface Member extends Traits, Listener {
  readonly sessionId: number
  readonly address: string
  readonly handleId: number
  readonly profile: Profile
  /** User whose media it asked for. */
  readonly media: string | undefined
  /** The token says who it is. */
  readonly hasIdentity: boolean
  /** What it publishes, once its first offer was answered. */
  readonly source: Source | undefined
  /** Whose media it gets from now on; undefined = nobody's yet. */
  follow(source: Source | undefined): void
  /** What it may have been needed for has just ended (`Abandonable.needed`). */
  released(): void
  push(event: SharedEvent): void
  /** Ends the connection as a kick does. */
  expel(): void
}

export class User {
  readonly id: string
  /** Joined connections, oldest first. */
  readonly connections = new Set<Member>()

  constructor(id: string) {
    this.id = id
  }

  /** What the newest connection that publishes has to offer. */
  get source(): Source | undefined {
    let newest: Source | undefined
    for (const { source } of this.connections) newest = source ?? newest
    return newest
  }
}

export class Room {
  readonly id: string
  /** In the order of their joining. */
  readonly users = new Map<string, User>()

  constructor(id: string) {
    this.id = id
  }

  /**
   * Users whom a profile lists, in the order of their joining.
   * @param without a connection that does not count
   */
  listed(profile: Profile, without?: Member): string[] {
    const counting = ({ connections }: User) =>
      without && connections.has(without) ? [...connections].filter((member) => member !== without) : connections
    return [...this.users.values()].filter((user) => profile.lists(counting(user))).map((user) => user.id)
  }

  *members(): Generator<Member> {
    for (const user of this.users.values()) yield* user.connections
  }

  /** A user is gone: nobody has to wait for their media any more. */
  userLeft(userId: string): void {
    for (const member of this.members()) if (member.media === userId) member.released()
  }

  /** What a user publishes has changed: its subscribers follow. */
  sourceChanged(userId: string): void {
    const source = this.users.get(userId)?.source
    for (const member of this.members()) if (member.media === userId) member.follow(source)
  }
}
