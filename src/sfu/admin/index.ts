/** Every message of operators, by the `kind` that they write; docs/admin.md has the table. */
import { failure, Refusal, refuse } from '../errors.js'
import type { Services } from '../services.js'
import { blocks, unblock } from './blocks.js'
import type { AnyAdminMessage } from './message.js'
import { listRooms, room } from './rooms.js'
import { kick, listUsers, user } from './users.js'

export const adminMessages = {
  list_rooms: listRooms,
  room,
  list_users: listUsers,
  user,
  kick,
  blocks,
  unblock,
} satisfies Record<string, AnyAdminMessage>

/** @returns the same two shapes that clients of the plugin get */
export async function adminMessage(services: Services, body: Readonly<Record<string, unknown>>) {
  const outcome = await perform(services, body)
  return outcome instanceof Refusal ? failure(outcome) : { success: true as const, response: outcome }
}

async function perform(services: Services, body: Readonly<Record<string, unknown>>) {
  const { kind } = body
  const expected = `Field "kind": expected one of ${Object.keys(adminMessages).join(', ')}.`
  if (typeof kind !== 'string') return refuse('invalid_message', expected)
  if (!Object.hasOwn(adminMessages, kind)) return refuse('unknown_kind', expected)
  const message: AnyAdminMessage = adminMessages[kind as keyof typeof adminMessages]
  const read = message.schema.safeParse(body)
  if (read.success) return message.run(services, read.data as never)
  const { path, message: wanted } = read.error.issues[0]!
  return refuse('invalid_message', `Field "${path.join('.')}": ${wanted}.`)
}
