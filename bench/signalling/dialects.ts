/**
 * The same job in the words of two plugins. Janus' videoroom has no chat over its API; what it does send to everybody
 * in a room is the new name of a publisher who changes it, and who has come. So that is what is asked of it.
 */
import type { Dialect } from './shape.js'

export interface Words {
  readonly plugin: string
  /** Body that joins a room as a user who hears of the others. */
  join(room: number, user: number): object
  /** Body of a message that everybody else in the room gets with `text` in it. */
  tell(text: string): object
}

export const words: Record<Dialect['name'], Words> = {
  rostra: {
    plugin: 'janus.plugin.sfu',
    join: (room, user) => ({
      kind: 'join',
      room_id: `room-${room}`,
      user_id: `user-${user}`,
      subscribe: { notifications: true, data: true },
    }),
    tell: (text) => ({ kind: 'data', body: text }),
  },
  janus: {
    plugin: 'janus.plugin.videoroom',
    join: (room, user) => ({ request: 'join', ptype: 'publisher', room: room + 1, display: `user-${user}` }),
    tell: (text) => ({ request: 'configure', display: text }),
  },
}
