import { type Refusal, refuse } from '../errors.js'
import { shared } from '../events.js'
import type { Services } from '../services.js'

/**
 * Sets or ends a block of a held user. It is in the store and in force on every worker when this resolves; the other
 * user is told in the rooms that both are in, when something has changed.
 */
export async function setBlock(
  { blocks, presence, enforcement, log }: Services,
  userId: string,
  whom: string,
  blocked: boolean,
): Promise<'changed' | 'unchanged' | Refusal> {
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
  if (change === 'unchanged') return change
  const event = shared({ event: blocked ? 'blocked' : 'unblocked', by: userId })
  for (const room of rooms) {
    for (const member of room.users.get(whom)?.connections ?? []) {
      if (member.profile.toldOfBlocks(member)) member.push(event)
    }
  }
  return change
}
