/**
 * The layers of one m-line, as they are measured and chosen: what the allocator reads and answers.
 *
 * A *spatial* layer is a picture size: a simulcast encoding, or an SVC layer inside of one encoding. They count from 0 in
 * ascending quality over all encodings of the m-line. A *temporal* layer adds frames to those below it. An m-line without
 * layers has one of each.
 *
 * ```
 * allocator  publication.layers(nowMs)  ─▶  [ {spatial: 0, rateBps: [60e3, 90e3, 140e3], alive, height: 180, …}, {spatial: 1, …} ]
 *            subscription.setTarget({ spatial: 1, temporal: 1 }, nowMs)     or null: nothing for now
 * client     subscription.prefer({ maxHeight: 360 }, nowMs)                or { paused: true }
 * ```
 *
 * Both hold at once; the smaller one counts. A target that does not send is replaced by the next lower layer that does,
 * else by the lowest that does. Switching waits for a keyframe, which is asked for; until then the present layer goes on.
 */

import type { StreamPreference } from '../control.js'

/** Layers told apart: what is above counts as the highest. */
export const MAX_SPATIAL = 4
export const MAX_TEMPORAL = 4

/** Highest layers that a subscription gets. */
export interface LayerTarget {
  /** ≥ 0; Infinity = the best. */
  spatial: number
  /** ≥ 0; Infinity = all. Counts in the spatial layer that is forwarded. */
  temporal: number
}

export const BEST: Readonly<LayerTarget> = {
  spatial: Number.POSITIVE_INFINITY,
  temporal: Number.POSITIVE_INFINITY,
}

/** One spatial layer as it is now. */
export interface Layer {
  readonly spatial: number
  /** Rid of its encoding; '' without simulcast. */
  readonly rid: string
  /** It sends, or did a moment ago. */
  readonly alive: boolean
  /** Picture size in the last keyframe, in pixels; 0 = unknown. */
  readonly width: number
  readonly height: number
  /**
   * Payload bit/s by temporal layer, with those below it and, in SVC, with the spatial layers below: what a subscription
   * with that target costs. At least one element; as many as temporal layers were seen.
   */
  readonly rateBps: readonly number[]
}

/**
 * The spatial layer to forward.
 * @param layers ascending, not empty
 * @returns index in `layers`
 */
export function chooseLayer(layers: readonly Layer[], target: LayerTarget, preference: StreamPreference): number {
  const highest = Math.min(layers.length - 1, target.spatial, preference.maxSpatial ?? Number.POSITIVE_INFINITY)
  let lowestAlive = -1
  let best = -1
  for (const [index, layer] of layers.entries()) {
    if (!layer.alive) continue
    if (lowestAlive < 0) lowestAlive = index
    if (index <= highest && fits(layer, preference)) best = index
  }
  if (best >= 0) return best
  return lowestAlive >= 0 ? lowestAlive : Math.max(0, highest)
}

function fits({ width, height }: Layer, { maxWidth, maxHeight }: StreamPreference): boolean {
  return (maxWidth === undefined || width <= maxWidth) && (maxHeight === undefined || height <= maxHeight)
}
