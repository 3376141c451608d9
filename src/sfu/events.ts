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

/** An event as it is pushed: made once for everybody who gets it. */
export type SharedEvent = SharedData

export const shared = (event: SfuEvent): SharedEvent => new SharedData({ ...event })
