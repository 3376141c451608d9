/**
 * Packets of pictures and sound that say what they are, so that a receiver can tell what it got: who sent them,
 * which frame, which part. Headers are real ones (RFC 7741 for VP8); the tag is the end of the payload.
 *
 * ```
 * | codec header | 0xf7 | publisher | frame, 32 bits | part | parts | keyframe |
 * ```
 */
import { vp8, vp8Rest } from '../../../src/media/forward/testing/packets.js'

export interface FramePart {
  /** Endpoint of the publisher, 0–255. */
  publisher: number
  /** Counts from 0. */
  frame: number
  part: number
  parts: number
  keyframe: boolean
}

const TAG_BYTES = 9
const TAG_MAGIC = 0xf7

/** @param bytes of the whole payload, as far as headers and tag leave room to fill up */
export function videoPayload(part: FramePart, bytes = 0): Uint8Array {
  const head = part.part === 0 ? vp8(part.keyframe) : vp8Rest()
  const payload = new Uint8Array(Math.max(bytes, head.length + TAG_BYTES))
  payload.set(head)
  payload.set(tag(part), payload.length - TAG_BYTES)
  return payload
}

export function audioPayload(part: FramePart): Uint8Array {
  return Uint8Array.of(0x78, ...tag(part))
}

/** @throws Error when the payload is none of ours: then something was mixed up on the way */
export function readPart(payload: Uint8Array): FramePart {
  const at = payload.length - TAG_BYTES
  if (at < 1 || payload[at] !== TAG_MAGIC) throw new Error(`a payload of ${payload.length} bytes that nobody sent`)
  const view = new DataView(payload.buffer, payload.byteOffset + at, TAG_BYTES)
  return {
    publisher: view.getUint8(1),
    frame: view.getUint32(2),
    part: view.getUint8(6),
    parts: view.getUint8(7),
    keyframe: view.getUint8(8) === 1,
  }
}

function tag({ publisher, frame, part, parts, keyframe }: FramePart): Uint8Array {
  const bytes = new Uint8Array(TAG_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, TAG_MAGIC)
  view.setUint8(1, publisher)
  view.setUint32(2, frame)
  view.setUint8(6, part)
  view.setUint8(7, parts)
  view.setUint8(8, keyframe ? 1 : 0)
  return bytes
}
