/** `unblock`: ends the sender's own block of another user; the other's stays. */
import { z } from 'zod'
import { changeBlock, whomShape } from './change-block.js'
import type { Message } from './message.js'

export const unblockSchema = z.object({ kind: z.literal('unblock'), ...whomShape })

export type UnblockBody = z.input<typeof unblockSchema>
export type UnblockReply = Record<string, never>

export const unblock: Message<typeof unblockSchema> = {
  schema: unblockSchema,
  prepare: (connection, { whom }) => changeBlock(connection, whom, false),
}
