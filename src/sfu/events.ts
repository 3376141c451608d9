/** What the server pushes without being asked: `plugindata.data` of an event that has no transaction. */
import { SharedData } from '../janus/plugin.js'

export interface JoinEvent {
  event: 'join'
  user_id: string
  room_id: string
}

export interface LeaveEvent {
  event: 'leave'
  user_id: string
  room_id: string
}

export interface BlockedEvent {
  event: 'blocked' | 'unblocked'
  /** User id of whoever did it. */
  by: string
}

export interface DataEvent {
  event: 'data'
  /** As sent. */
  body: string
  /** User id of the sender. */
  from: string
}

export type SfuEvent = JoinEvent | LeaveEvent | BlockedEvent | DataEvent

/** What event handlers are told of a room: `data` of an event of the type `plugins` (docs/events.md). */
export type RoomNotice = { room_id: string; user_id: string } & (
  | { event: 'join' | 'leave' | 'unpublished' }
  /** Numbers of m-lines. */
  | { event: 'published'; audio: number; video: number }
  | { event: 'block' | 'unblock'; whom: string }
  /** `user_id` had to go; `by` is whoever wanted it, when that is a user of a room. */
  | { event: 'kick'; by?: string }
)

/** An event as it is pushed: made once for everybody who gets it. */
export type SharedEvent = SharedData

export const shared = (event: SfuEvent): SharedEvent => new SharedData({ ...event })
