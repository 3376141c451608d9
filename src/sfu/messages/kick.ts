/** `kick`: ends all connections of a user in a room, for whoever holds a token that allows it. */
import { z } from 'zod'
import type { Refusal } from '../errors.js'
import { idSchema } from '../ids.js'
import type { Message, Plan } from './message.js'

export const kickSchema = z.object({
  kind: z.literal('kick'),
  room_id: idSchema,
  user_id: idSchema,
  token: z.string({ error: 'expected a string' }).nullish(),
})

export type KickBody = z.input<typeof kickSchema>
export type KickReply = Record<string, never>

export const kick: Message<typeof kickSchema> = {
  schema: kickSchema,

  async prepare(connection, body): Promise<Plan | Refusal> {
    const { auth, presence, log } = connection.services
    const place = { room_id: body.room_id, user_id: body.user_id }
    const refused = await auth.kick(body.token ?? undefined, body.room_id)
    if (refused) return refused
    return {
      async commit() {
        const user = presence.room(body.room_id)?.users.get(body.user_id)
        log.info({ room: body.room_id, user: body.user_id }, 'kicked')
        const by = connection.joined?.userId
        if (user) connection.notify({ event: 'kick', ...place, ...(by !== undefined && { by }) })
        for (const member of [...(user?.connections ?? [])]) if (member !== connection) member.expel()
        // Whoever kicks his own user id is told so before he goes: the reply is on its way when promises are through.
        if (user?.connections.has(connection)) setImmediate(() => connection.expel())
        return { response: {} }
      },
    }
  },
}
