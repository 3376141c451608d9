/** `data`: a string for the others in the room, over signalling instead of a data channel. */
import { z } from 'zod'
import { refuse } from '../errors.js'
import { shared } from '../events.js'
import { idSchema } from '../ids.js'
import type { Message } from './message.js'

export const dataSchema = z.object({
  kind: z.literal('data'),
  body: z.string({ error: 'expected a string' }),
  whom: idSchema.nullish(),
})

export type DataBody = z.input<typeof dataSchema>
export type DataReply = Record<string, never>

export const data: Message<typeof dataSchema> = {
  schema: dataSchema,

  prepare(connection, { body, whom }) {
    const { joined, services } = connection
    if (!joined) return refuse('not_in_room', 'Cannot send data when not in a room.')
    const { maxDataBodyBytes } = services.limits
    if (Buffer.byteLength(body) > maxDataBodyBytes) {
      return refuse('body_too_large', `The body is longer than ${maxDataBodyBytes} bytes of UTF-8.`)
    }
    const { room, userId } = joined
    return {
      async commit() {
        const event = shared({ event: 'data', body, from: userId })
        const receivers = typeof whom === 'string' ? [room.users.get(whom)] : room.users.values()
        for (const user of receivers) {
          if (!user || user.id === userId || services.blocks.between(userId, user.id)) continue
          for (const member of user.connections) {
            if (member.data && !member.pureSubscriber) member.push(event)
          }
        }
        return { response: {} }
      },
    }
  },
}
