/**
 * Template structure of the dependency descriptor (AV1 RTP specification, appendix A.8.3), and what it says about a frame.
 * A publisher attaches it to keyframes; every descriptor until the next one refers to it.
 *
 * ```
 * extended fields   |structure?|active?|dtis?|fdiffs?|chains?|  5 flags, then what they announce
 * structure         | template id offset 6 | decode targets − 1 5 | per template: next layer 2 | … dtis, fdiffs, chains, sizes
 * ```
 *
 * A *decode target* is a set of frames that can be decoded without the others: one per spatial and temporal layer that can be
 * chosen. For each of them a frame is not present, discardable, a switch or required (its DTI). Targets are bits of a mask.
 */
import { type DependencyView, newDependencyView, readDependency } from './dependency-descriptor.js'

const MAX_TEMPLATES = 64
const MAX_TARGETS = 32
const MAX_CHAINS = 32
const MAX_SPATIAL_IDS = 4
/** In front of the extended fields, and the flags in the first byte of those. */
const MANDATORY_BYTES = 3
const FLAG_BITS = 5

export interface DependencyStructure {
  templateIdOffset: number
  templates: number
  targets: number
  chains: number
  /** By template. */
  readonly spatial: Uint8Array
  readonly temporal: Uint8Array
  /** By template: targets that it is not absent from, and those that can be begun with it. */
  readonly present: Int32Array
  readonly switches: Int32Array
  /** By template: frames that it refers to. */
  readonly references: Uint8Array
  /** By target: its highest layers. */
  readonly targetSpatial: Uint8Array
  readonly targetTemporal: Uint8Array
  /** By spatial layer, 0 = not said. */
  readonly widths: Uint32Array
  readonly heights: Uint32Array
  /** The extended fields that it was read from, as far as it goes: so many bits with the flags; 0 = none. */
  readonly raw: Uint8Array
  rawBits: number
}

export function newDependencyStructure(): DependencyStructure {
  return {
    templateIdOffset: 0,
    templates: 0,
    targets: 0,
    chains: 0,
    spatial: new Uint8Array(MAX_TEMPLATES),
    temporal: new Uint8Array(MAX_TEMPLATES),
    present: new Int32Array(MAX_TEMPLATES),
    switches: new Int32Array(MAX_TEMPLATES),
    references: new Uint8Array(MAX_TEMPLATES),
    targetSpatial: new Uint8Array(MAX_TARGETS),
    targetTemporal: new Uint8Array(MAX_TARGETS),
    widths: new Uint32Array(MAX_SPATIAL_IDS),
    heights: new Uint32Array(MAX_SPATIAL_IDS),
    raw: new Uint8Array(256),
    rawBits: 0,
  }
}

/** What a descriptor says about its frame. */
export interface DependencyFrame extends DependencyView {
  spatial: number
  temporal: number
  /** Decode targets that need the frame. */
  present: number
  /** Decode targets that can go on from this frame, if it can be decoded. */
  switches: number
  /** The frame refers to no other one. */
  independent: boolean
}

export function newDependencyFrame(): DependencyFrame {
  return { ...newDependencyView(), spatial: 0, temporal: 0, present: 0, switches: 0, independent: false }
}

// One descriptor is read at a time; reading past its end gives zeros and is noticed afterwards.
let source: Uint8Array = new Uint8Array(0)
let bit = 0
let endBit = 0

function take(bits: number): number {
  let value = 0
  for (let i = 0; i < bits; i++, bit++) {
    value = (value << 1) | (bit < endBit ? (source[bit >> 3]! >> (7 - (bit & 7))) & 1 : 0)
  }
  return value >>> 0
}

/** Non-symmetric unsigned value below `n` (AV1 §4.10.7). */
function takeBelow(n: number): number {
  let width = 0
  for (let rest = n; rest !== 0; rest >>= 1) width++
  const short = (1 << width) - n
  const value = take(width - 1)
  return value < short ? value : (value << 1) - short + take(1)
}

/**
 * Whether the structure attached to this descriptor is, bit for bit, the one that `structure` was read from: publishers
 * repeat it, and reading one takes as long as hundreds of other packets.
 */
export function repeatsStructure(
  bytes: Uint8Array,
  offset: number,
  length: number,
  { raw, rawBits }: DependencyStructure,
): boolean {
  const from = offset + MANDATORY_BYTES
  if (rawBits === 0 || (rawBits + 7) >> 3 > length - MANDATORY_BYTES) return false
  if (((bytes[from]! ^ raw[0]!) & (0xff >> FLAG_BITS)) !== 0) return false
  const whole = rawBits >> 3
  for (let at = 1; at < whole; at++) if (bytes[from + at] !== raw[at]) return false
  const rest = rawBits & 7
  return rest === 0 || (bytes[from + whole]! ^ raw[whole]!) >> (8 - rest) === 0
}

/**
 * Reads a whole descriptor.
 * @param structure the one attached last; when the descriptor has one attached and is sound, it becomes that
 * @returns false when the element lies about itself or refers to no template of the structure; `frame` then holds no more
 *   than the mandatory fields
 */
export function readDependencyFrame(
  bytes: Uint8Array,
  offset: number,
  length: number,
  structure: DependencyStructure,
  frame: DependencyFrame,
): boolean {
  if (!readDependency(bytes, offset, length, frame)) return false
  let flags = 0
  if (length > MANDATORY_BYTES) {
    source = bytes
    bit = (offset + MANDATORY_BYTES) * 8
    endBit = (offset + length) * 8
    flags = take(FLAG_BITS)
    if ((flags & 0x10) !== 0) {
      if (repeatsStructure(bytes, offset, length, structure)) bit += structure.rawBits - FLAG_BITS
      else if (!readStructure(structure)) return false
    }
    if ((flags & 0x08) !== 0) take(structure.targets)
  }
  const template = (frame.templateId + 64 - structure.templateIdOffset) % 64
  if (template >= structure.templates) return false
  frame.spatial = structure.spatial[template]!
  frame.temporal = structure.temporal[template]!
  frame.present = structure.present[template]!
  frame.switches = structure.switches[template]!
  frame.independent = structure.references[template] === 0
  if ((flags & 0x04) !== 0) readTargets(structure.targets, frame)
  if ((flags & 0x02) !== 0) frame.independent = countReferences() === 0
  return length <= MANDATORY_BYTES || bit <= endBit
}

/** Decode target indications of one frame: 0 = not present, 1 = discardable, 2 = switch, 3 = required. */
function readTargets(targets: number, into: { present: number; switches: number }): void {
  into.present = into.switches = 0
  for (let target = 0; target < targets; target++) {
    const indication = take(2)
    if (indication !== 0) into.present |= 1 << target
    if (indication === 2) into.switches |= 1 << target
  }
}

function countReferences(): number {
  let count = 0
  for (let size = take(2); size !== 0 && bit <= endBit; size = take(2), count++) take(4 * size)
  return count
}

const next = newDependencyStructure()

/** Reads an attached structure; `structure` stays as it is when it is not sound. */
function readStructure(structure: DependencyStructure): boolean {
  const firstBit = bit
  next.templateIdOffset = take(6)
  next.targets = take(5) + 1
  const spatials = readTemplateLayers()
  if (spatials === 0) return false
  readTemplates()
  if (bit > endBit) return false
  readChains()
  readTargetLayers()
  next.widths.fill(0)
  next.heights.fill(0)
  if (take(1) === 1) {
    for (let spatial = 0; spatial < spatials; spatial++) {
      const width = take(16) + 1
      const height = take(16) + 1
      if (spatial >= MAX_SPATIAL_IDS) continue
      next.widths[spatial] = width
      next.heights[spatial] = height
    }
  }
  if (bit > endBit) return false
  copyStructure(next, structure)
  structure.rawBits = bit - firstBit + FLAG_BITS
  const from = (firstBit - FLAG_BITS) >> 3
  for (let at = 0; at * 8 < structure.rawBits; at++) structure.raw[at] = source[from + at]!
  return true
}

/** @returns spatial layers; 0 = more templates than there are ids */
function readTemplateLayers(): number {
  let spatial = 0
  let temporal = 0
  next.templates = 0
  for (;;) {
    if (next.templates === MAX_TEMPLATES || bit > endBit) return 0
    next.spatial[next.templates] = spatial
    next.temporal[next.templates] = temporal
    next.templates++
    const layer = take(2)
    if (layer === 3) return spatial + 1
    if (layer === 1) temporal++
    if (layer === 2) {
      temporal = 0
      spatial++
    }
  }
}

const targets = { present: 0, switches: 0 }

function readTemplates(): void {
  for (let template = 0; template < next.templates && bit <= endBit; template++) {
    readTargets(next.targets, targets)
    next.present[template] = targets.present
    next.switches[template] = targets.switches
  }
  for (let template = 0; template < next.templates && bit <= endBit; template++) {
    let references = 0
    for (; take(1) === 1 && bit <= endBit; references++) take(4)
    next.references[template] = Math.min(255, references)
  }
}

/** Chains tell receivers what they lack; here they are only passed over. */
function readChains(): void {
  next.chains = Math.min(MAX_CHAINS, takeBelow(next.targets + 1))
  if (next.chains === 0) return
  for (let target = 0; target < next.targets; target++) takeBelow(next.chains)
  for (let template = 0; template < next.templates; template++) {
    for (let chain = 0; chain < next.chains && bit <= endBit; chain++) take(4)
  }
}

function readTargetLayers(): void {
  next.targetSpatial.fill(0)
  next.targetTemporal.fill(0)
  for (let target = 0; target < next.targets; target++) {
    for (let template = 0; template < next.templates; template++) {
      if (((next.present[template]! >>> target) & 1) === 0) continue
      next.targetSpatial[target] = Math.max(next.targetSpatial[target]!, next.spatial[template]!)
      next.targetTemporal[target] = Math.max(next.targetTemporal[target]!, next.temporal[template]!)
    }
  }
}

function copyStructure(from: DependencyStructure, to: DependencyStructure): void {
  to.templateIdOffset = from.templateIdOffset
  to.templates = from.templates
  to.targets = from.targets
  to.chains = from.chains
  to.spatial.set(from.spatial)
  to.temporal.set(from.temporal)
  to.present.set(from.present)
  to.switches.set(from.switches)
  to.references.set(from.references)
  to.targetSpatial.set(from.targetSpatial)
  to.targetTemporal.set(from.targetTemporal)
  to.widths.set(from.widths)
  to.heights.set(from.heights)
}
