/** What `block` and `unblock` have in common. */
import { setBlock } from '../blocks/set-block.js'
import type { Connection } from '../connection.js'
import { Refusal, refuse } from '../errors.js'
import { idSchema } from '../ids.js'
import type { Plan } from './message.js'

export const whomShape = { whom: idSchema }

/** The plan to set or end a block of the connection's user. */
export function changeBlock(connection: Connection, whom: string, blocked: boolean): Plan | Refusal {
  const verb = blocked ? 'block' : 'unblock'
  if (!connection.joined) return refuse('not_in_room', `Cannot ${verb} when not in a room.`)
  const { userId, room } = connection.joined
  if (blocked && whom === userId) return refuse('block_self')
  return {
    async commit() {
      const change = await setBlock(connection.services, userId, whom, blocked)
      if (change instanceof Refusal) return change
      if (change === 'changed') connection.notify({ event: verb, room_id: room.id, user_id: userId, whom })
      return { response: {} }
    },
  }
}
