/** `join`: the connection becomes one of a user of a room, once. */
import { z } from 'zod'
import type { Connection } from '../connection.js'
import { Refusal, refuse } from '../errors.js'
import { idSchema } from '../ids.js'
import type { Message, Outcome, Plan } from './message.js'
import { subscriptionSchema, wishesOf } from './subscription.js'

export const joinSchema = z.object({
  kind: z.literal('join'),
  room_id: idSchema,
  user_id: idSchema,
  subscribe: subscriptionSchema.nullish(),
  token: z.string({ error: 'expected a string' }).nullish(),
})

export type JoinBody = z.input<typeof joinSchema>

export interface JoinReply {
  /** User ids by room; one room. */
  users: Record<string, string[]>
}

export const join: Message<typeof joinSchema> = {
  schema: joinSchema,

  async prepare(connection, body): Promise<Plan | Refusal> {
    if (connection.joined) return refuse('already_joined')
    const { auth, blocks, log, presence } = connection.services
    const { room_id: roomId, user_id: userId } = body
    const grant = await auth.join(body.token ?? undefined, roomId, userId)
    if (grant instanceof Refusal) return grant
    try {
      await blocks.hold(userId)
    } catch (error) {
      log.error({ err: (error as Error).message }, 'blocks cannot be read')
      return refuse('storage_failed')
    }
    const { media, ...flags } = body.subscribe ? wishesOf(body.subscribe) : {}
    return {
      subscribes: typeof media === 'string',
      room: roomId,
      check: () => {
        if (flags.notifications && !presence.mayListen(connection, false)) return refuse('too_many_listeners')
        return checkRoom(connection, roomId, userId, media)
      },
      abandon: () => blocks.release(userId),
      async commit(): Promise<Outcome> {
        connection.want(flags, true)
        const enforced = connection.join(roomId, userId, grant)
        const jsep = media === undefined ? undefined : connection.want({ media })
        const users = { [roomId]: connection.profile.users(await enforced, userId) }
        return { response: { users } satisfies JoinReply, ...(jsep && { jsep }) }
      },
    }
  },
}

function checkRoom(
  connection: Connection,
  roomId: string,
  userId: string,
  media: string | false | undefined,
): Refusal | undefined {
  const { presence, limits } = connection.services
  const room = presence.room(roomId)
  if (!room?.users.has(userId)) {
    if (limits.maxRoomSize > 0 && (room?.users.size ?? 0) >= limits.maxRoomSize) return refuse('room_full')
    if (limits.maxCcu > 0 && presence.users >= limits.maxCcu) return refuse('server_full')
  }
  if (typeof media === 'string' && !room?.users.has(media)) return refuse('nonexistent_publisher')
  return connection.reserve(media, room)
}
