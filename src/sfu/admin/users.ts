import { z } from 'zod'
import { refuse } from '../errors.js'
import { idSchema } from '../ids.js'
import type { AdminMessage } from './message.js'
import { pageOf, pageShape } from './page.js'
import { describeUser } from './rooms.js'

export const listUsersSchema = z.object({ kind: z.literal('list_users'), ...pageShape })
export const userSchema = z.object({ kind: z.literal('user'), user_id: idSchema })
export const kickUserSchema = z.object({ kind: z.literal('kick'), user_id: idSchema, room_id: idSchema.nullish() })

export const listUsers: AdminMessage<typeof listUsersSchema> = {
  schema: listUsersSchema,
  run({ presence }, body) {
    const { items, total } = pageOf(presence.userIds(), body)
    const users = items.map((user_id) => ({ user_id, rooms: [...presence.roomsOf(user_id)].map(({ id }) => id) }))
    return { users, total }
  },
}

export const user: AdminMessage<typeof userSchema> = {
  schema: userSchema,
  run({ presence }, { user_id }) {
    const rooms = [...presence.roomsOf(user_id)]
    if (rooms.length === 0) return refuse('not_found', 'There is no such user.')
    const described = rooms.map((room) => ({ room_id: room.id, ...describeUser(room.users.get(user_id)!) }))
    return { user_id, rooms: described.map(({ room_id, connections }) => ({ room_id, connections })) }
  },
}

/** Ends the connections of a user, in one room or everywhere, as a kick of a client does. */
export const kick: AdminMessage<typeof kickUserSchema> = {
  schema: kickUserSchema,
  run({ presence, log }, { user_id, room_id }) {
    const rooms = [...presence.roomsOf(user_id)].filter(({ id }) => room_id == null || id === room_id)
    const members = rooms.flatMap((room) => [...(room.users.get(user_id)?.connections ?? [])])
    log.info({ user: user_id, room: room_id ?? undefined, by: 'operator' }, 'kicked')
    for (const member of members) member.expel()
    return { kicked: members.length }
  },
}
