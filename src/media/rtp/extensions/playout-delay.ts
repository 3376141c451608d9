import { readU24, writeU24 } from '../big-endian.js'
import type { Extension } from './extension.js'

/** Bounds for the receiver's jitter buffer (webrtc.org experiment "playout-delay"): min and max, 12 bits each, 10 ms. */
export const playoutDelay = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  maxBytes: 3,
  onForward: 'copy',
} as const satisfies Extension

const STEP_MS = 10
const MAX_STEPS = 0xfff

/** @param offset of an element of at least 3 bytes @returns 0–40,950 */
export function readMinPlayoutDelayMs(bytes: Uint8Array, offset: number): number {
  return (readU24(bytes, offset) >> 12) * STEP_MS
}

/** @param offset of an element of at least 3 bytes @returns 0–40,950 */
export function readMaxPlayoutDelayMs(bytes: Uint8Array, offset: number): number {
  return (readU24(bytes, offset) & MAX_STEPS) * STEP_MS
}

/** Writes 3 bytes; both delays are rounded down to 10 ms and cut at 40,950. */
export function writePlayoutDelay(bytes: Uint8Array, offset: number, minMs: number, maxMs: number): void {
  const min = Math.min(MAX_STEPS, Math.floor(minMs / STEP_MS))
  const max = Math.min(MAX_STEPS, Math.floor(maxMs / STEP_MS))
  writeU24(bytes, offset, (min << 12) | max)
}
