/**
 * What a publisher of several layers has to send so that one subscriber gets what it wants. Only wishes of clients count: a
 * layer that is left off because a link is thin now would not be there when the link recovers.
 */
import type { StreamPreference } from '../../control.js'
import { BEST, chooseLayer, type Layer } from '../layers.js'
import { UNLIMITED_BPS } from './publisher-cap.js'

/** Room above what layers send: a browser that is allowed just that much leaves off the largest of them. */
const ROOM = 1.3
/** An encoder that has little to do now will want this much, per pixel: more than browsers give to a picture of that size. */
const BPS_PER_PIXEL = 3.2

/**
 * @param choices all layers that there were, ascending, sending or not
 * @returns bit/s for the layers up to the highest one wanted, with those below it; `UNLIMITED_BPS` when that is the best, or sizes
 *   are not known; 0 = nothing is wanted
 */
export function layerNeedBps(choices: readonly Layer[], preference: StreamPreference): number {
  if (preference.paused === true) return 0
  if (choices.length < 2 || choices.some(({ width, height }) => width * height === 0)) return UNLIMITED_BPS
  const highest = chooseLayer(
    choices.map((layer) => ({ ...layer, alive: true })),
    BEST,
    preference,
  )
  if (highest === choices.length - 1) return UNLIMITED_BPS
  // In one encoding rates are summed up already; encodings are sent side by side.
  const wanted = choices.slice(0, highest + 1).filter(({ rid }, i, all) => all[i + 1]?.rid !== rid)
  return wanted.reduce((sum, { width, height, rateBps }) => {
    return sum + Math.max(rateBps.at(-1)! * ROOM, width * height * BPS_PER_PIXEL)
  }, 0)
}
