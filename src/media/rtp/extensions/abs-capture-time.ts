import { readU32 } from '../big-endian.js'
import type { Extension } from './extension.js'

/**
 * When the frame was captured (webrtc.org experiment "abs-capture-time").
 *
 * ```
 * | absolute capture timestamp, NTP 32.32 seconds, 8 bytes        |
 * | estimated capture clock offset, signed 32.32 seconds, 8 bytes |  optional
 * ```
 */
export const absCaptureTime = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  maxBytes: 16,
  onForward: 'copy',
} as const satisfies Extension

/** @param offset of an element of at least 8 bytes @returns NTP seconds since 1900, with fractions of about 1 µs */
export function readCaptureTimeSeconds(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) + readU32(bytes, offset + 4) / 0x100000000
}

/** @param offset of an element of at least 16 bytes @returns seconds to add to reach the clock of the capturer */
export function readCaptureOffsetSeconds(bytes: Uint8Array, offset: number): number {
  return (readU32(bytes, offset + 8) | 0) + readU32(bytes, offset + 12) / 0x100000000
}
