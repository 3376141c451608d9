import { z } from 'zod'
import { refuse } from '../errors.js'
import { idSchema } from '../ids.js'
import type { Member, Room, User } from '../room.js'
import type { AdminMessage } from './message.js'
import { pageOf, pageShape } from './page.js'

export const listRoomsSchema = z.object({ kind: z.literal('list_rooms'), ...pageShape })
export const roomSchema = z.object({ kind: z.literal('room'), room_id: idSchema })

const connectionsOf = ({ users }: Room) => [...users.values()].reduce((sum, user) => sum + user.connections.size, 0)

export const listRooms: AdminMessage<typeof listRoomsSchema> = {
  schema: listRoomsSchema,
  run({ presence }, body) {
    const { items, total } = pageOf(presence.rooms(), body)
    const rooms = items.map((room) => ({ room_id: room.id, users: room.users.size, connections: connectionsOf(room) }))
    return { rooms, total }
  },
}

export const room: AdminMessage<typeof roomSchema> = {
  schema: roomSchema,
  run({ presence }, { room_id }) {
    const room = presence.room(room_id)
    if (!room) return refuse('not_found', 'There is no such room.')
    return { room_id, users: [...room.users.values()].map(describeUser) }
  },
}

export const describeUser = (user: User) => ({
  user_id: user.id,
  connections: [...user.connections].map(describeConnection),
})

function describeConnection(member: Member) {
  const { sessionId, handleId, notifications, data, media, source, hasIdentity } = member
  return {
    session_id: sessionId,
    handle_id: handleId,
    has_identity: hasIdentity,
    notifications,
    data,
    ...(media !== undefined && { media }),
    ...(source && {
      publishes: { audio: source.count('audio'), video: source.count('video'), worker: source.endpoint.worker },
    }),
  }
}
