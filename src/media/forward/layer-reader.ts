/**
 * What a packet says about layers, the same words for every codec: which decode targets need it, begin or can go on with
 * it, and end with it. A dependency descriptor decides where it was negotiated, so that nothing has to be read out of an
 * encrypted payload; else the payload descriptors of VP8 and VP9 do. Of what says nothing everybody gets everything.
 */
import {
  newVp8View,
  newVp9View,
  readVp8,
  readVp8Size,
  readVp9,
  readVp9Size,
  type Vp8View,
  type Vp9View,
} from '../rtp/codecs/index.js'
import {
  type DependencyStructure,
  elementLength,
  findElement,
  hasStructure,
  newDependencyFrame,
  newDependencyStructure,
  readDependencyFrame,
  repeatsStructure,
} from '../rtp/extensions/index.js'
import { Allowance } from './allowance.js'
import { codecOf, VP8, VP9 } from './codec-table.js'
import { EVERY, ofSpatial, ofTemporal, presentIn, targetOf, upFrom, WHOLE } from './layer-targets.js'
import { MAX_SPATIAL } from './layers.js'
import type { Packet } from './packet.js'
import type { Totals } from './totals.js'

/** What the packet that was read last says; `Packet.pictureId` and the like come from here. */
export const vp8View: Vp8View = newVp8View()
export const vp9View: Vp9View = newVp9View()

/** Structures that are read: so many per second, and at once. Each makes all subscribers choose their layers anew. */
const STRUCTURES_PER_MS = 0.01
const STRUCTURES_BURST = 20

const frame = newDependencyFrame()
const size = { width: 0, height: 0 }

export class LayerReader {
  /** Picture sizes in the last keyframe, by spatial layer, in pixels; 0 = unknown. */
  readonly widths = new Uint32Array(MAX_SPATIAL)
  readonly heights = new Uint32Array(MAX_SPATIAL)
  /** Changes whenever targets mean something else. */
  version = 0
  #structure = newDependencyStructure()
  /** Number of the packet that brought it. */
  #structureAt = -1
  /** The one before, for packets that come late or waited; from `#formerAt` on it counted. */
  #former: DependencyStructure | null = null
  #formerAt = Number.POSITIVE_INFINITY
  readonly #structures = new Allowance(STRUCTURES_PER_MS, STRUCTURES_BURST)
  readonly #totals: Pick<Totals, 'structures_refused'>
  /** A structure came, and descriptors refer to it. */
  #described = false
  #spatialMasks = new Int32Array(MAX_SPATIAL)

  /** @param totals counts the structures that are not read */
  constructor(totals: Pick<Totals, 'structures_refused'>) {
    this.#totals = totals
  }

  /** Whether targets are those of a dependency descriptor. */
  get described(): boolean {
    return this.#described
  }

  /** Another stream goes on here. */
  reset(): void {
    this.#described = false
    this.#structureAt = -1
    this.#formerAt = Number.POSITIVE_INFINITY
    this.version++
  }

  /**
   * Fills in what `packet` says about layers, and whether it is a keyframe.
   * @param payloadOffset absolute, as `packet.payloadLength` goes with it
   * @param descriptorId of the dependency descriptor, 0 = not negotiated
   */
  read(packet: Packet, payloadOffset: number, descriptorId: number): void {
    packet.layered = false
    packet.pictureId = packet.tl0PicIdx = packet.keyIdx = -1
    packet.spatial = packet.temporal = 0
    const { codec, bytes, payloadLength } = packet
    const read = codec === VP8 ? this.#vp8(packet, payloadOffset) : codec === VP9 && this.#vp9(packet, payloadOffset)
    if (!read) {
      const { isKeyframe, readSize } = codecOf[codec]!
      packet.keyframe = isKeyframe(bytes, payloadOffset, payloadLength)
      if (packet.keyframe && readSize?.(bytes, payloadOffset, payloadLength, size)) this.#sized(0)
    }
    if (descriptorId !== 0 && packet.view.extensionLength > 0) this.#descriptor(packet, descriptorId)
  }

  /** The target to choose for these layers; `WHOLE` when nothing is known about any. */
  target(spatial: number, temporal: number): number {
    if (!this.#described) return targetOf(spatial, temporal)
    const { targets, targetSpatial, targetTemporal } = this.#structure
    let best = WHOLE
    for (let target = 0; target < targets; target++) {
      if (targetSpatial[target]! > spatial || targetTemporal[target]! > temporal) continue
      const better =
        best < 0 ||
        targetSpatial[target]! > targetSpatial[best]! ||
        (targetSpatial[target] === targetSpatial[best] && targetTemporal[target]! > targetTemporal[best]!)
      if (better) best = target
    }
    return best
  }

  /** Highest spatial layer of a target. */
  spatialOf(target: number): number {
    if (target === WHOLE) return MAX_SPATIAL
    return this.#described ? this.#structure.targetSpatial[target]! : target >> 2
  }

  #vp8(packet: Packet, payloadOffset: number): boolean {
    const { bytes, payloadLength } = packet
    if (!readVp8(bytes, payloadOffset, payloadLength, vp8View)) return false
    packet.keyframe = vp8View.keyframe
    packet.pictureId = vp8View.pictureId
    packet.tl0PicIdx = vp8View.tl0PicIdx
    packet.keyIdx = vp8View.keyIdx
    if (vp8View.keyframe && readVp8Size(bytes, payloadOffset, payloadLength, vp8View, size)) this.#sized(0)
    const { tid } = vp8View
    if (tid < 0) return true
    packet.layered = true
    packet.temporal = tid
    packet.startsFrame = vp8View.startOfFrame
    packet.present = presentIn(0, tid)
    packet.begins = vp8View.keyframe ? EVERY : vp8View.layerSync && tid > 0 ? ofTemporal(tid) : 0
    packet.continues = 0
    packet.ends = 0
    return true
  }

  #vp9(packet: Packet, payloadOffset: number): boolean {
    const { bytes, payloadLength } = packet
    if (!readVp9(bytes, payloadOffset, payloadLength, vp9View)) return false
    packet.keyframe = vp9View.keyframe
    packet.pictureId = vp9View.pictureId
    packet.tl0PicIdx = vp9View.tl0PicIdx
    for (let spatial = 0; spatial < vp9View.spatialLayers && spatial < MAX_SPATIAL; spatial++) {
      if (readVp9Size(bytes, vp9View, spatial, size)) this.#sized(spatial)
    }
    if (vp9View.tid < 0) return true
    const { sid, tid, switchingUp } = vp9View
    packet.layered = true
    packet.spatial = sid
    packet.temporal = tid
    packet.startsFrame = vp9View.startOfFrame
    packet.present = presentIn(sid, tid)
    packet.begins = vp9View.keyframe ? EVERY : switchingUp && tid > 0 ? ofTemporal(tid) : 0
    packet.continues = switchingUp ? upFrom(sid, tid) : 0
    packet.ends = vp9View.endOfFrame ? ofSpatial(sid) : 0
    return true
  }

  #descriptor(packet: Packet, id: number): void {
    const { bytes, view } = packet
    const at = findElement(bytes, view, id)
    if (at < 0) return
    const length = elementLength(bytes, view, at)
    const isLate = packet.extSeq < this.#structureAt
    const sound = isLate ? this.#readLate(packet, at, length) : this.#readNewest(packet, at, length)
    packet.keyframe = sound && frame.hasStructure && frame.startOfFrame && frame.independent
    packet.layered = sound && this.#described
    if (!packet.layered) return
    packet.spatial = frame.spatial
    packet.temporal = frame.temporal
    packet.startsFrame = frame.startOfFrame
    packet.present = isLate ? this.#needing(frame.spatial, frame.temporal) : frame.present
    packet.begins = packet.keyframe ? EVERY : 0
    packet.continues = isLate ? 0 : frame.switches
    packet.ends = frame.endOfFrame ? this.#spatialMasks[Math.min(frame.spatial, MAX_SPATIAL - 1)]! : 0
  }

  /** A descriptor that the structure of now is for, or that brings another. @returns whether `frame` holds what it says */
  #readNewest({ bytes, extSeq, nowMs }: Packet, at: number, length: number): boolean {
    const attached = hasStructure(bytes, at, length)
    const repeated = attached && repeatsStructure(bytes, at, length, this.#structure)
    if (!attached || (repeated && this.#described)) {
      return readDependencyFrame(bytes, at, length, this.#structure, frame)
    }
    if (this.#structures.take(1, nowMs) === 0) {
      // What comes refers to it: until the next one that is read nothing is known about layers.
      this.#totals.structures_refused++
      if (this.#described) this.reset()
      return false
    }
    const structure = repeated ? this.#structure : (this.#former ?? newDependencyStructure())
    const sound = readDependencyFrame(bytes, at, length, structure, frame)
    if (!repeated) {
      // Read over what the former one was.
      this.#former = structure
      this.#formerAt = Number.POSITIVE_INFINITY
    }
    if (sound) this.#restructured(structure, extSeq)
    return sound
  }

  /** A descriptor that came late, or waited. If the structure that it refers to is gone, it says nothing about layers. */
  #readLate({ bytes, extSeq }: Packet, at: number, length: number): boolean {
    const former = this.#former
    if (former === null || extSeq < this.#formerAt) return false
    if (hasStructure(bytes, at, length) && !repeatsStructure(bytes, at, length, former)) return false
    return readDependencyFrame(bytes, at, length, former, frame)
  }

  /** Targets of now that a frame of these layers would be for. */
  #needing(spatial: number, temporal: number): number {
    const { targets, targetSpatial, targetTemporal } = this.#structure
    let mask = 0
    for (let target = 0; target < targets; target++) {
      if (targetSpatial[target]! >= spatial && targetTemporal[target]! >= temporal) mask |= 1 << target
    }
    return mask
  }

  #restructured(structure: DependencyStructure, extSeq: number): void {
    if (structure !== this.#structure) {
      this.#former = this.#structure
      this.#formerAt = this.#described ? this.#structureAt : Number.POSITIVE_INFINITY
      this.#structure = structure
    }
    const { targets, targetSpatial, widths, heights } = structure
    this.#described = true
    this.#structureAt = extSeq
    this.version++
    this.#spatialMasks.fill(0)
    for (let target = 0; target < targets; target++) {
      this.#spatialMasks[Math.min(targetSpatial[target]!, MAX_SPATIAL - 1)]! |= 1 << target
    }
    for (let spatial = 0; spatial < MAX_SPATIAL; spatial++) {
      if (widths[spatial] === 0) continue
      this.widths[spatial] = widths[spatial]!
      this.heights[spatial] = heights[spatial]!
    }
  }

  #sized(spatial: number): void {
    this.widths[spatial] = size.width
    this.heights[spatial] = size.height
  }
}
