import type { Extension } from './extension.js'

/**
 * Client-to-mixer audio level (RFC 6464 §3).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * |V|    level    |    V: voice activity; level in −dBov: 0 loudest, 127 silence
 * +-+-+-+-+-+-+-+-+
 * ```
 */
export const audioLevel = {
  uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  maxBytes: 1,
  onForward: 'copy',
} as const satisfies Extension

/** @param offset of an element of at least 1 byte @returns −dBov, 0 (loudest) … 127 (silence) */
export function readAudioLevel(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! & 0x7f
}

/** @param offset of an element of at least 1 byte @returns whether the sender believes it is speech */
export function readVoice(bytes: Uint8Array, offset: number): boolean {
  return (bytes[offset]! & 0x80) !== 0
}
