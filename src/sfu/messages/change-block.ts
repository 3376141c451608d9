/** What `block` and `unblock` have in common. */
import type { Connection } from '../connection.js'
import { type Refusal, refuse } from '../errors.js'
import { shared } from '../events.js'
import { idSchema } from '../ids.js'
import type { Plan } from './message.js'

export const whomShape = { whom: idSchema }

/**
 * The plan to set or end a block of the connection's user. It is in the store and in force on every worker
 * before the reply; the other user is told in the rooms that both are in, when something has changed.
 */
export function changeBlock(connection: Connection, whom: string, blocked: boolean): Plan | Refusal {
  const verb = blocked ? 'block' : 'unblock'
  if (!connection.joined) return refuse('not_in_room', `Cannot ${verb} when not in a room.`)
  const { userId, room } = connection.joined
  if (blocked && whom === userId) return refuse('block_self')
  const { blocks, presence, enforcement, log } = connection.services
  return {
    async commit() {
      let change: Awaited<ReturnType<typeof blocks.set>>
      try {
        change = await blocks.set(userId, whom, blocked)
      } catch (error) {
        log.error({ err: (error as Error).message }, 'a block cannot be stored')
        return refuse('storage_failed')
      }
      if (change === 'too_many') return refuse('too_many_blocks')
      const rooms = [...presence.roomsOf(userId)].filter((room) => room.users.has(whom))
      await Promise.all(rooms.map((room) => enforcement.apply(room.id, userId, [whom])))
      if (change === 'unchanged') return { response: {} }
      connection.notify({ event: verb, room_id: room.id, user_id: userId, whom })
      const event = shared({ event: `${verb}ed`, by: userId })
      for (const room of rooms) {
        for (const member of room.users.get(whom)?.connections ?? []) {
          if (member.profile.toldOfBlocks(member)) member.push(event)
        }
      }
      return { response: {} }
    },
  }
}
