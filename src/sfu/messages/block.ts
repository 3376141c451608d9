/** `block`: nothing passes any more between the sender and another user, in either direction. */
import { z } from 'zod'
import { changeBlock, whomShape } from './change-block.js'
import type { Message } from './message.js'

export const blockSchema = z.object({ kind: z.literal('block'), ...whomShape })

export type BlockBody = z.input<typeof blockSchema>
export type BlockReply = Record<string, never>

export const block: Message<typeof blockSchema> = {
  schema: blockSchema,
  prepare: (connection, { whom }) => changeBlock(connection, whom, true),
}
