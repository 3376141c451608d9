/** `subscribe`: what the connection wants to get from now on. */
import { z } from 'zod'
import { refuse } from '../errors.js'
import type { Message, Plan } from './message.js'
import { subscriptionSchema, subscriptionShape, wishesOf } from './subscription.js'

export const subscribeSchema = z.object({
  kind: z.literal('subscribe'),
  ...subscriptionShape,
  /** The same fields, as the original's source has them; they win. */
  what: subscriptionSchema.nullish(),
})

export type SubscribeBody = z.input<typeof subscribeSchema>
export type SubscribeReply = Record<string, never>

export const subscribe: Message<typeof subscribeSchema> = {
  schema: subscribeSchema,

  prepare(connection, body): Plan {
    const wishes = { ...wishesOf(body), ...(body.what && wishesOf(body.what)) }
    const { media } = wishes
    return {
      subscribes: typeof media === 'string',
      check() {
        const room = connection.joined?.room
        if (wishes.notifications && !connection.services.presence.mayListen(connection, !room)) {
          return refuse('too_many_listeners')
        }
        if (typeof media === 'string' && !room?.users.has(media)) return refuse('nonexistent_publisher')
        return connection.reserve(media, room)
      },
      async commit() {
        const jsep = connection.want(wishes)
        return { response: {}, ...(jsep && { jsep }) }
      },
    }
  },
}
