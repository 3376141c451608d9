import type { Extension } from './extension.js'

/**
 * Coordination of video orientation (3GPP TS 26.114 §7.4.5).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |0 0 0 0|C|F|R R|    C: back-facing camera; F: flipped horizontally; R: rotation in steps of 90°
 * +-+-+-+-+-+-+-+-+
 * ```
 */
export const videoOrientation = {
  uri: 'urn:3gpp:video-orientation',
  maxBytes: 1,
  onForward: 'copy',
} as const satisfies Extension

/** @param offset of an element of at least 1 byte @returns degrees: 0, 90, 180 or 270 */
export function readRotation(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! & 3) * 90
}
