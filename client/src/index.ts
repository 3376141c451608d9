/** The browser SDK: rooms of a rostra server (or of any Janus with `janus.plugin.sfu`). Start with `joinRoom`. */

export { type Envelope, type MediaState, readEnvelope, writeEnvelope } from './envelope.js'
export { RoomError, type RoomErrorKind } from './errors.js'
export type { Levels } from './levels.js'
export type { RoomState } from './lifecycle.js'
export type { Participant } from './participant.js'
export type { VideoPreference } from './preference.js'
export type { MediaKind } from './publisher.js'
export { joinRoom, Room } from './room.js'
export type { RoomEvents } from './room-events.js'
export type { RoomOptions } from './room-options.js'
