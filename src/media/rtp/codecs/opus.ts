/**
 * Opus (RFC 7587; RFC 6716 §3.1 for the TOC byte).
 *
 * ```
 *  0 1 2 3 4 5 6 7
 * +-+-+-+-+-+-+-+-+
 * | config  |s| c |  frame, or with c > 0 several
 * +-+-+-+-+-+-+-+-+
 * ```
 */
import type { Codec } from './codec.js'

export const opus = { kind: 'audio', isKeyframe: notEmpty } as const satisfies Codec

function notEmpty(_bytes: Uint8Array, _offset: number, length: number): boolean {
  return length > 0
}
