/** What a run of the load generator does. */
export interface LoadOptions {
  /** `ws://` or `wss://` of a server that speaks the Janus API. */
  readonly url: string
  readonly rooms: number
  readonly usersPerRoom: number
  /** Others in the room that each user subscribes to, at most. */
  readonly viewsPerUser: number
  /** Bytes of an opus packet, 50 of them per second; 0 = no sound. */
  readonly audioBytes: number
  /** 0 = no pictures. */
  readonly videoBps: number
  /** Data-channel messages of each user; 0 = no data channel. */
  readonly messagesPerSecond: number
  /** At least `STAMP_BYTES`. */
  readonly messageBytes: number
  readonly reliable: boolean
  /** Traffic is measured for so long, once everybody is there. */
  readonly durationMs: number
  /** Users that come per second; 0 = all at once. */
  readonly rampPerSecond: number
  /** Beginning of the rooms' names. */
  readonly roomPrefix: string
  /** The token in `join`. */
  readonly token?: string
  readonly apiSecret?: string
  /** The server, and where it wants media, may be another machine. */
  readonly allowRemote: boolean
}

/** Most users, and most connections of all of them, in one process. */
export const USERS_MAX = 5_000
export const CONNECTIONS_MAX = 20_000

/** Connections that a run wants: one of each user, and one for each other user that it sees. */
export function connectionsOf({ rooms, usersPerRoom, viewsPerUser }: LoadOptions): number {
  return rooms * usersPerRoom * (1 + Math.min(viewsPerUser, usersPerRoom - 1))
}
