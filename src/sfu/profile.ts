/**
 * The four answers in which the document and the original plugin differ. Nothing else depends on the profile.
 * The profile of the connection that is answered or told counts.
 */

/** What the answers look at in a joined connection. */
export interface Traits {
  readonly notifications: boolean
  readonly data: boolean
  /** It asked for media and publishes nothing. */
  readonly pureSubscriber: boolean
}

/** What they look at in a connection that asked for notifications. */
export interface Listener {
  readonly roomId: string | undefined
  /** Its token allows that room; without tokens always true. */
  mayHearOf(roomId: string): boolean
}

export interface Profile {
  /** `users` of a join reply. `listed` are the users listed before the join, in the order of their joining. */
  users(listed: readonly string[], self: string): string[]
  /** Whether a user with these connections is listed and announced. */
  lists(connections: Iterable<Traits>): boolean
  /** Who may be told of those who join and leave a room: its members, or all listeners of the server. */
  readonly reach: 'room' | 'server'
  /** Whether a connection with `notifications:true` hears who joins and leaves a room. */
  hears(listener: Listener, roomId: string): boolean
  /** Whether a connection is told that its user was blocked or unblocked. */
  toldOfBlocks(connection: Traits): boolean
}

const documented: Profile = {
  users: (listed, self) => [...listed.filter((user) => user !== self), self],
  lists: (connections) => some(connections, () => true),
  reach: 'server',
  hears: (listener, roomId) => listener.mayHearOf(roomId),
  toldOfBlocks: (connection) => !connection.pureSubscriber,
}

const upstream: Profile = {
  users: (listed) => [...listed],
  lists: (connections) => some(connections, (connection) => connection.data),
  reach: 'room',
  hears: (listener, roomId) => listener.roomId === roomId,
  toldOfBlocks: (connection) => connection.notifications,
}

export const profiles = { documented, upstream } satisfies Record<string, Profile>
export type ProfileName = keyof typeof profiles

/** The profile that `?profile=` names, or `fallback` when it names none that exists. */
export function profileOf(query: URLSearchParams, fallback: ProfileName): Profile {
  const name = query.get('profile') ?? fallback
  return Object.hasOwn(profiles, name) ? profiles[name as ProfileName] : profiles[fallback]
}

function some<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (test(item)) return true
  return false
}
