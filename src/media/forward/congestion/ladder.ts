/** The choices that a subscription has of the layers of an m-line, from the cheapest up. */
import type { StreamPreference } from '../../control.js'
import { BEST, chooseLayer, type Layer } from '../layers.js'
import type { Step } from './allocation.js'

/** What packets are longer on the wire than their payload, on average over those of video. */
const WIRE = 1.08

/**
 * A larger picture has no fewer than all of its temporal layers but this many: half of its frames, as encoders have it.
 * A slide show of a large picture is no step up from a small one that moves.
 */
const FEWER_TEMPORALS = 1

/**
 * Temporal layers go before spatial ones: half of the frames of the better picture come below all frames of it, and above
 * all that the smaller picture has. A choice that costs no more than a lesser one takes its place.
 * @param layers ascending, as `Publication.layers` has them
 * @returns ascending; empty when the client wants nothing or nothing comes
 */
export function ladderOf(layers: readonly Layer[], preference: StreamPreference): Step[] {
  const ladder: Step[] = []
  if (layers.length === 0 || preference.paused === true) return ladder
  const highest = chooseLayer(layers, BEST, preference)
  for (const { spatial, alive, rateBps } of layers.slice(0, highest + 1)) {
    if (!alive) continue
    const temporals = Math.min(rateBps.length, (preference.maxTemporal ?? Number.POSITIVE_INFINITY) + 1)
    const first = ladder.length === 0 ? 0 : Math.max(0, temporals - 1 - FEWER_TEMPORALS)
    for (let temporal = first; temporal < temporals; temporal++) {
      const bps = rateBps[temporal]! * WIRE
      // Not measured yet: it may be anything.
      if (bps === 0 && ladder.length > 0) continue
      while (ladder.length > 0 && ladder.at(-1)!.rateBps >= bps) ladder.pop()
      ladder.push({ spatial, temporal, rateBps: bps })
    }
  }
  return ladder
}
