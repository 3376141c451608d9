/** Payload descriptors with other picture numbers, for packets whose subscriber saw another stream before or less of this one. */
import { readVp8, readVp9, rewriteVp8Descriptor, rewriteVp9Descriptor } from '../rtp/codecs/index.js'
import { VP8, VP9 } from './codec-table.js'
import { vp8View, vp9View } from './layer-reader.js'

/** What is added to the numbers of a payload descriptor, each modulo its width. */
export interface PictureDeltas {
  pictureDelta: number
  tl0Delta: number
  keyIdxDelta: number
}

/**
 * Writes the descriptor, or its head, of the payload that `layer-reader.ts` or `readAgain` read last.
 * @returns its length, which is as many bytes as it replaces; 0 = the payload has none
 */
export function rewriteDescriptor(
  codec: number,
  source: Uint8Array,
  payloadOffset: number,
  deltas: PictureDeltas,
  target: Uint8Array,
  at: number,
): number {
  const { pictureDelta, tl0Delta, keyIdxDelta } = deltas
  if (codec === VP8) {
    const pictureId = vp8View.pictureId + pictureDelta
    const tl0PicIdx = vp8View.tl0PicIdx + tl0Delta
    const keyIdx = vp8View.keyIdx + keyIdxDelta
    return rewriteVp8Descriptor(source, payloadOffset, vp8View, target, at, pictureId, tl0PicIdx, keyIdx)
  }
  if (codec !== VP9) return 0
  const { pictureId, tl0PicIdx } = vp9View
  return rewriteVp9Descriptor(
    source,
    payloadOffset,
    vp9View,
    target,
    at,
    pictureId + pictureDelta,
    tl0PicIdx + tl0Delta,
  )
}

/** Reads a descriptor of a stored packet. @returns false when the payload has none */
export function readAgain(codec: number, bytes: Uint8Array, payloadOffset: number, payloadLength: number): boolean {
  if (codec === VP8) return readVp8(bytes, payloadOffset, payloadLength, vp8View)
  return codec === VP9 && readVp9(bytes, payloadOffset, payloadLength, vp9View)
}
