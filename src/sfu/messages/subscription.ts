/** What a connection may subscribe to: in `subscribe` messages, and in `join`. */
import { z } from 'zod'
import type { Wishes } from '../connection.js'
import { idSchema } from '../ids.js'
import { preferencesOf, preferSchema } from './preference.js'

const flag = z.boolean({ error: 'expected true or false' }).nullish()

export const subscriptionShape = {
  /** Events about who joins and leaves. */
  notifications: flag,
  /** Data-channel traffic and `data` messages of the others in the room. */
  data: flag,
  /** Audio and video of that user; false = of nobody. */
  media: z
    .union([idSchema, z.literal(false)], { error: 'expected a user id (1 to 256 characters or an integer), or false' })
    .nullish(),
  /** What of that media at most; whole, in place of what was said before. Takes effect at once, without an offer. */
  prefer: preferSchema.nullish(),
}

export const subscriptionSchema = z.object(subscriptionShape, { error: 'expected an object' })

/** As clients write it. Fields that are absent or null stay as they are. */
export type Subscription = z.input<typeof subscriptionSchema>

export function wishesOf({ notifications, data, media, prefer }: z.output<typeof subscriptionSchema>): Wishes {
  const wishes: Wishes = {}
  if (typeof notifications === 'boolean') wishes.notifications = notifications
  if (typeof data === 'boolean') wishes.data = data
  if (media !== null && media !== undefined) wishes.media = media
  if (prefer) wishes.preferences = preferencesOf(prefer)
  return wishes
}
