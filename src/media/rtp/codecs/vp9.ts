/**
 * VP9 payload descriptor (RFC 9628 §4.2).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |I|P|L|F|B|E|V|Z|  P: predicted from an earlier picture; B, E: first, last packet of the layer frame
 * |M| PictureID   |  with I; with M two bytes, 15 bits
 * | TID |U| SID |D|  with L; U: switching up point; D: depends on the spatial layer below
 * |   TL0PICIDX   |  with L and not F
 * |  P_DIFF     |N|  with P and F, up to 3 times, while N
 * | scalability structure …  with V
 *
 * | N_S |Y|G|0 0 0|  spatial layers − 1
 * | width, height |  with Y: 2 + 2 bytes, N_S + 1 times
 * |     N_G       |  with G; then N_G times:
 * | TID |U| R |0 0|  R times: P_DIFF, one byte
 * ```
 */
import { readU16, requireRoom, writeU16 } from '../big-endian.js'
import type { Codec } from './codec.js'

export interface Vp9View {
  /** Bytes of descriptor. */
  descriptorLength: number
  /** B and E: of the layer frame. */
  startOfFrame: boolean
  endOfFrame: boolean
  /** First packet of a picture that depends on no earlier picture, in its lowest spatial layer. */
  keyframe: boolean
  /** P: the layer frame depends on an earlier picture. */
  interPredicted: boolean
  /** F: flexible mode. */
  flexible: boolean
  /** 7 or 15 bits, −1 = absent. */
  pictureId: number
  /** 7 or 15; 0 = absent. */
  pictureIdBits: number
  /** 8 bits, −1 = absent. */
  tl0PicIdx: number
  /** Temporal layer 0–7, −1 = absent. */
  tid: number
  /** Spatial layer 0–7, −1 = absent. */
  sid: number
  /** U: from here on, higher temporal layers can be taken up. */
  switchingUp: boolean
  /** Spatial layers that the scalability structure announces, −1 = none in this packet. */
  spatialLayers: number
  /** Absolute offset of the structure, −1 = none in this packet. */
  structureOffset: number
}

export function newVp9View(): Vp9View {
  return {
    descriptorLength: 0,
    startOfFrame: false,
    endOfFrame: false,
    keyframe: false,
    interPredicted: false,
    flexible: false,
    pictureId: -1,
    pictureIdBits: 0,
    tl0PicIdx: -1,
    tid: -1,
    sid: -1,
    switchingUp: false,
    spatialLayers: -1,
    structureOffset: -1,
  }
}

/** @returns false when the descriptor reaches past the payload or nothing follows it */
export function readVp9(bytes: Uint8Array, offset: number, length: number, view: Vp9View): boolean {
  if (length < 2) return false
  const end = offset + length
  const first = bytes[offset]!
  view.interPredicted = (first & 0x40) !== 0
  view.flexible = (first & 0x10) !== 0
  view.startOfFrame = (first & 0x08) !== 0
  view.endOfFrame = (first & 0x04) !== 0
  let at = readPictureId(bytes, offset + 1, end, (first & 0x80) !== 0, view)
  at = readLayers(bytes, at, end, (first & 0x20) !== 0, view)
  if (view.interPredicted && view.flexible) at = skipReferences(bytes, at, end)
  view.spatialLayers = -1
  view.structureOffset = -1
  if ((first & 0x02) !== 0) {
    view.structureOffset = at
    view.spatialLayers = at < end ? (bytes[at]! >> 5) + 1 : -1
    at = skipStructure(bytes, at, end)
  }
  if (at >= end) return false
  view.descriptorLength = at - offset
  view.keyframe = view.startOfFrame && !view.interPredicted && view.sid <= 0
  return true
}

/**
 * Writes the head of the descriptor of a packet again with other numbers, for a `prefix` that replaces it. Picture id and
 * TL0PICIDX keep their widths; absent fields stay absent.
 * @param source what `view` was read from, at `offset`
 * @returns its length, at most 5: as many bytes of the payload are left out (`skip`)
 */
export function rewriteVp9Descriptor(
  source: Uint8Array,
  offset: number,
  view: Vp9View,
  target: Uint8Array,
  targetOffset: number,
  pictureId: number,
  tl0PicIdx: number,
): number {
  const idBytes = view.pictureIdBits === 15 ? 2 : view.pictureIdBits === 7 ? 1 : 0
  const length = 1 + idBytes + (view.tid >= 0 ? 1 : 0) + (view.tl0PicIdx >= 0 ? 1 : 0)
  requireRoom(target, targetOffset, length)
  for (let i = 0; i < length; i++) target[targetOffset + i] = source[offset + i]!
  if (idBytes === 2) writeU16(target, targetOffset + 1, 0x8000 | (pictureId & 0x7fff))
  else if (idBytes === 1) target[targetOffset + 1] = pictureId & 0x7f
  if (view.tl0PicIdx >= 0) target[targetOffset + length - 1] = tl0PicIdx
  return length
}

/**
 * Size of a spatial layer as the scalability structure says it.
 * @param view what was read from `bytes`, with `structureOffset` ≥ 0
 * @returns false when the structure has no sizes, or none of this layer
 */
export function readVp9Size(
  bytes: Uint8Array,
  view: Vp9View,
  spatial: number,
  size: { width: number; height: number },
): boolean {
  const at = view.structureOffset
  if (at < 0 || (bytes[at]! & 0x10) === 0 || spatial >= view.spatialLayers) return false
  size.width = readU16(bytes, at + 1 + spatial * 4)
  size.height = readU16(bytes, at + 3 + spatial * 4)
  return true
}

// Each part takes where it begins and returns where the next one does; past `end` means truncated.

function readPictureId(bytes: Uint8Array, at: number, end: number, present: boolean, view: Vp9View): number {
  view.pictureId = -1
  view.pictureIdBits = 0
  if (!present) return at
  if (at >= end) return end
  view.pictureIdBits = (bytes[at]! & 0x80) !== 0 ? 15 : 7
  if (view.pictureIdBits === 7) {
    view.pictureId = bytes[at]!
    return at + 1
  }
  if (at + 2 > end) return end
  view.pictureId = readU16(bytes, at) & 0x7fff
  return at + 2
}

function readLayers(bytes: Uint8Array, at: number, end: number, present: boolean, view: Vp9View): number {
  view.tid = -1
  view.sid = -1
  view.switchingUp = false
  view.tl0PicIdx = -1
  if (!present) return at
  if (at >= end) return end
  const layer = bytes[at]!
  view.tid = layer >> 5
  view.switchingUp = (layer & 0x10) !== 0
  view.sid = (layer >> 1) & 7
  if (view.flexible) return at + 1
  if (at + 2 > end) return end
  view.tl0PicIdx = bytes[at + 1]!
  return at + 2
}

function skipReferences(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < 3; i++) {
    if (at >= end) return end
    if ((bytes[at++]! & 1) === 0) break
  }
  return at
}

function skipStructure(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return end
  const head = bytes[at]!
  let next = at + 1
  if ((head & 0x10) !== 0) next += ((head >> 5) + 1) * 4
  if ((head & 0x08) === 0) return next
  if (next >= end) return end
  let pictures = bytes[next++]!
  for (; pictures > 0; pictures--) {
    if (next >= end) return end
    next += 1 + ((bytes[next]! >> 2) & 3)
  }
  return next
}

const probe = newVp9View()

export const vp9 = {
  kind: 'video',
  isKeyframe: (bytes, offset, length) => readVp9(bytes, offset, length, probe) && probe.keyframe,
} as const satisfies Codec
