/**
 * Decode targets of codecs whose payload names its layers: one per spatial and temporal layer that can be chosen, numbered
 * spatial × MAX_TEMPORAL + temporal, as bits of a mask. With a dependency descriptor the publisher numbers its targets itself
 * (`rtp/extensions/dependency-structure.ts`); what is done with the bits is the same.
 */
import { MAX_SPATIAL, MAX_TEMPORAL } from './layers.js'

/** No target: the whole encoding is sent as it comes. */
export const WHOLE = -1
/** All targets. */
export const EVERY = -1

const TARGETS = MAX_SPATIAL * MAX_TEMPORAL

/** A mask of the targets for which `test` holds. */
function mask(test: (spatial: number, temporal: number) => boolean): number {
  let bits = 0
  for (let target = 0; target < TARGETS; target++) {
    if (test(Math.floor(target / MAX_TEMPORAL), target % MAX_TEMPORAL)) bits |= 1 << target
  }
  return bits
}

const cells = Array.from({ length: TARGETS }, (_, target) => [Math.floor(target / MAX_TEMPORAL), target % MAX_TEMPORAL])
const presentMasks = Int32Array.from(cells, ([s, t]) => mask((spatial, temporal) => spatial >= s! && temporal >= t!))
const upMasks = Int32Array.from(cells, ([s, t]) => mask((spatial, temporal) => spatial === s && temporal >= t!))
const temporalMasks = Int32Array.from(cells, ([, t]) => mask((_, temporal) => temporal === t))
const spatialMasks = Int32Array.from(cells, ([s]) => mask((spatial) => spatial === s))

/** The target of two layers; what is above the highest counts as that. */
export function targetOf(spatial: number, temporal: number): number {
  const s = spatial < MAX_SPATIAL ? spatial : MAX_SPATIAL - 1
  return s * MAX_TEMPORAL + (temporal < MAX_TEMPORAL ? temporal : MAX_TEMPORAL - 1)
}

/** Targets that need a frame of these layers. */
export function presentIn(spatial: number, temporal: number): number {
  return presentMasks[targetOf(spatial, temporal)]!
}

/** Targets of one spatial layer, with this temporal layer or a higher one. */
export function upFrom(spatial: number, temporal: number): number {
  return upMasks[targetOf(spatial, temporal)]!
}

/** Targets whose highest temporal layer is this one. */
export function ofTemporal(temporal: number): number {
  return temporalMasks[targetOf(0, temporal)]!
}

/** Targets whose highest spatial layer is this one. */
export function ofSpatial(spatial: number): number {
  return spatialMasks[targetOf(spatial, 0)]!
}
