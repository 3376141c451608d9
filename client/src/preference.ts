import type { Body } from './protocol.js'

/** The most that is wanted of a user's video; what is left out is not limited. */
export interface VideoPreference {
  /** Pixels, 1–16384: of several sizes that are sent the best that is no larger. */
  maxWidth?: number
  maxHeight?: number
  /** Size by rank instead, if the user sends several: 0 = the smallest. */
  maxLayer?: number
  /** No picture at all; audio goes on. */
  paused?: boolean
}

export type Prefer = NonNullable<Body<'subscribe'>['prefer']>

/**
 * As the plugin's messages have it.
 * @param unlimitedMids m-lines that the preference is not about
 */
export function preferOf(
  { maxWidth, maxHeight, maxLayer, paused }: VideoPreference,
  unlimitedMids: readonly string[] = [],
): Prefer {
  const video = { max_width: maxWidth, max_height: maxHeight, max_spatial: maxLayer, paused }
  const said = Object.fromEntries(Object.entries(video).filter(([, value]) => value !== undefined))
  return { video: said, ...(unlimitedMids.length > 0 && { tracks: unlimitedMids.map((mid) => ({ mid })) }) }
}
