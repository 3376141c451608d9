import { readU24, writeU24 } from '../big-endian.js'
import type { Extension } from './extension.js'

/**
 * When the packet left its sender (webrtc.org experiment "abs-send-time"): 24 bits, 6.18 fixed-point seconds
 * that wrap after 64 s.
 */
export const absSendTime = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  maxBytes: 3,
  onForward: 'write',
} as const satisfies Extension

const WRAP_MS = 64_000

/** @param offset of an element of at least 3 bytes @returns milliseconds, 0 ≤ … < 64,000, with fractions */
export function readAbsSendTimeMs(bytes: Uint8Array, offset: number): number {
  return (readU24(bytes, offset) * 1000) / 0x40000
}

/** Writes 3 bytes. @param nowMs ≥ 0, of any clock that runs evenly */
export function writeAbsSendTime(bytes: Uint8Array, offset: number, nowMs: number): void {
  writeU24(bytes, offset, Math.floor(((nowMs % WRAP_MS) * 0x40000) / 1000))
}
