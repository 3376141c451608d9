import { z } from 'zod'
import { setBlock } from '../blocks/set-block.js'
import { Refusal, refuse } from '../errors.js'
import { idSchema } from '../ids.js'
import type { Services } from '../services.js'
import type { AdminMessage } from './message.js'

export const blocksSchema = z.object({ kind: z.literal('blocks'), user_id: idSchema })
export const unblockUserSchema = z.object({ kind: z.literal('unblock'), user_id: idSchema, whom: idSchema })

export const blocks: AdminMessage<typeof blocksSchema> = {
  schema: blocksSchema,
  run: (services, { user_id }) =>
    holding(services, user_id, async () => ({ user_id, blocks: services.blocks.of(user_id) })),
}

/** Ends a block of a user, who need not be here, as if the user did. */
export const unblock: AdminMessage<typeof unblockUserSchema> = {
  schema: unblockUserSchema,
  run: (services, { user_id, whom }) =>
    holding(services, user_id, async () => {
      const change = await setBlock(services, user_id, whom, false)
      return change instanceof Refusal ? change : { unblocked: change === 'changed' }
    }),
}

async function holding<T>({ blocks, log }: Services, user: string, act: () => Promise<T>): Promise<T | Refusal> {
  try {
    await blocks.hold(user)
  } catch (error) {
    log.error({ err: (error as Error).message }, 'blocks cannot be read')
    return refuse('storage_failed')
  }
  try {
    return await act()
  } finally {
    blocks.release(user)
  }
}
