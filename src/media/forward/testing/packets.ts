/** RTP packets as bytes, for tests. */
import { writeU16, writeU32 } from '../../rtp/big-endian.js'

export interface TestPacket {
  pt: number
  marker?: boolean
  /** 16 bits. */
  seq: number
  timestamp?: number
  ssrc: number
  /** One-byte elements by id; values of 1–16 bytes. */
  extensions?: Record<number, Uint8Array | string>
  payload?: Uint8Array
  /** Bytes of padding, the count included. */
  padding?: number
}

export function rtpPacket(packet: TestPacket): Uint8Array {
  const elements: number[] = []
  for (const [id, value] of Object.entries(packet.extensions ?? {})) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    elements.push((Number(id) << 4) | (bytes.length - 1), ...bytes)
  }
  while (elements.length % 4 !== 0) elements.push(0)
  const block = elements.length === 0 ? [] : [0xbe, 0xde, 0, elements.length / 4, ...elements]
  const padding = new Uint8Array(packet.padding ?? 0)
  if (padding.length > 0) padding[padding.length - 1] = padding.length
  const head = new Uint8Array(12)
  head[0] = 0x80 | (block.length > 0 ? 0x10 : 0) | (padding.length > 0 ? 0x20 : 0)
  head[1] = packet.pt | (packet.marker ? 0x80 : 0)
  writeU16(head, 2, packet.seq)
  writeU32(head, 4, packet.timestamp ?? 0)
  writeU32(head, 8, packet.ssrc)
  return Uint8Array.from([...head, ...block, ...(packet.payload ?? []), ...padding])
}

/** A VP8 payload (RFC 7741): descriptor with S bit, then the frame header, whose bit 0 says interframe. */
export function vp8(keyframe: boolean, ...rest: number[]): Uint8Array {
  return Uint8Array.from([0x10, keyframe ? 0x10 : 0x11, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, ...rest])
}

/** A later packet of a VP8 frame. */
export function vp8Rest(...rest: number[]): Uint8Array {
  return Uint8Array.from([0x00, 1, 2, 3, ...rest])
}

/** The payload of an RTX packet (RFC 4588 §4). */
export function rtxPayload(osn: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.from([osn >> 8, osn & 0xff, ...payload])
}
