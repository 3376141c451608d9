/**
 * VP8 payload descriptor (RFC 7741 §4.2), and the payload header (§4.3) with the start code of key frames behind it
 * (RFC 6386 §9.1).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |X|R|N|S|R| PID |  S: start of partition PID; N: no other frame depends on this one
 * |I|L|T|K| RSV   |  with X
 * |M| PictureID   |  with I; with M two bytes, 15 bits
 * |   TL0PICIDX   |  with L
 * |TID|Y| KEYIDX  |  with T or K; Y: layer sync
 * +-+-+-+-+-+-+-+-+
 * |Size0|H| VER |P|  payload header, three bytes, when S and PID = 0; P = 0: key frame
 * | 9d | 01 | 2a  |  start code, in key frames
 * ```
 */
import { readU16, requireRoom, writeU16 } from '../big-endian.js'
import type { Codec } from './codec.js'

export interface Vp8View {
  /** Bytes of descriptor, 1–6. */
  descriptorLength: number
  /** First packet of the frame: S, and partition 0. */
  startOfFrame: boolean
  /** The packet has the header of a key frame, in clear. */
  keyframe: boolean
  /** 7 or 15 bits, −1 = absent. */
  pictureId: number
  /** 7 or 15; 0 = absent. */
  pictureIdBits: number
  /** 8 bits, −1 = absent. */
  tl0PicIdx: number
  /** Temporal layer 0–3, −1 = absent. */
  tid: number
  /** Y: this frame only depends on the base layer. */
  layerSync: boolean
  /** 5 bits, −1 = absent. */
  keyIdx: number
}

export function newVp8View(): Vp8View {
  return {
    descriptorLength: 0,
    startOfFrame: false,
    keyframe: false,
    pictureId: -1,
    pictureIdBits: 0,
    tl0PicIdx: -1,
    tid: -1,
    layerSync: false,
    keyIdx: -1,
  }
}

/** @returns false when the descriptor reaches past the payload or nothing follows it */
export function readVp8(bytes: Uint8Array, offset: number, length: number, view: Vp8View): boolean {
  if (length < 2) return false
  const end = offset + length
  const first = bytes[offset]!
  let at = offset + 1
  const flags = (first & 0x80) !== 0 ? bytes[at++]! : 0
  view.pictureId = -1
  view.pictureIdBits = 0
  view.tl0PicIdx = -1
  view.tid = -1
  view.layerSync = false
  view.keyIdx = -1
  if ((flags & 0x80) !== 0) {
    if (at >= end) return false
    view.pictureIdBits = (bytes[at]! & 0x80) !== 0 ? 15 : 7
    if (view.pictureIdBits === 15 && at + 2 > end) return false
    view.pictureId = view.pictureIdBits === 15 ? readU16(bytes, at) & 0x7fff : bytes[at]!
    at += view.pictureIdBits === 15 ? 2 : 1
  }
  if ((flags & 0x40) !== 0) {
    if (at >= end) return false
    view.tl0PicIdx = bytes[at++]!
  }
  if ((flags & 0x30) !== 0) {
    if (at >= end) return false
    const layer = bytes[at++]!
    if ((flags & 0x20) !== 0) {
      view.tid = layer >> 6
      view.layerSync = (layer & 0x20) !== 0
    }
    if ((flags & 0x10) !== 0) view.keyIdx = layer & 0x1f
  }
  if (at >= end) return false
  view.descriptorLength = at - offset
  view.startOfFrame = (first & 0x17) === 0x10
  view.keyframe = view.startOfFrame && beginsKeyframe(bytes, at, end)
  return true
}

/** The bit alone would find key frames in half of the frames that are encrypted end to end. */
function beginsKeyframe(bytes: Uint8Array, at: number, end: number): boolean {
  if ((bytes[at]! & 1) !== 0 || at + 6 > end) return false
  return bytes[at + 3] === 0x9d && bytes[at + 4] === 0x01 && bytes[at + 5] === 0x2a
}

/**
 * Writes the descriptor of a packet again with other numbers, for a `prefix` that replaces it
 * (`skip` = `view.descriptorLength`). The picture id keeps its width; absent fields stay absent.
 * @param source what `view` was read from, at `offset`
 * @param pictureId taken modulo 2^7 or 2^15
 * @param tl0PicIdx taken modulo 2^8
 * @param keyIdx taken modulo 2^5
 * @returns its length, which is `view.descriptorLength`
 */
export function rewriteVp8Descriptor(
  source: Uint8Array,
  offset: number,
  view: Vp8View,
  target: Uint8Array,
  targetOffset: number,
  pictureId: number,
  tl0PicIdx: number,
  keyIdx = view.keyIdx,
): number {
  const length = view.descriptorLength
  requireRoom(target, targetOffset, length)
  for (let i = 0; i < length; i++) target[targetOffset + i] = source[offset + i]!
  let at = targetOffset + 2
  if (view.pictureIdBits === 15) {
    writeU16(target, at, 0x8000 | (pictureId & 0x7fff))
    at += 2
  } else if (view.pictureIdBits === 7) {
    target[at++] = pictureId & 0x7f
  }
  if (view.tl0PicIdx >= 0) target[at++] = tl0PicIdx
  if (view.keyIdx >= 0) target[at] = (target[at]! & 0xe0) | (keyIdx & 0x1f)
  return length
}

/** Bytes of a keyframe's header (RFC 6386 §9.1): tag, start code, width and height. */
const KEYFRAME_HEADER_BYTES = 10

/**
 * Size of the picture that a keyframe begins.
 * @param view what was read from the payload, `view.keyframe`
 * @returns false when there is no keyframe header: the payload is encrypted, or cut off
 */
export function readVp8Size(
  bytes: Uint8Array,
  offset: number,
  length: number,
  view: Vp8View,
  size: { width: number; height: number },
): boolean {
  const at = offset + view.descriptorLength
  if (view.descriptorLength + KEYFRAME_HEADER_BYTES > length) return false
  if (bytes[at + 3] !== 0x9d || bytes[at + 4] !== 0x01 || bytes[at + 5] !== 0x2a) return false
  size.width = bytes[at + 6]! | ((bytes[at + 7]! & 0x3f) << 8)
  size.height = bytes[at + 8]! | ((bytes[at + 9]! & 0x3f) << 8)
  return true
}

const probe = newVp8View()

export const vp8 = {
  kind: 'video',
  isKeyframe: (bytes, offset, length) => readVp8(bytes, offset, length, probe) && probe.keyframe,
} as const satisfies Codec
