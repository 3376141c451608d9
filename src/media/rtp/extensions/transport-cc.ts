import { readU16, writeU16 } from '../big-endian.js'
import type { Extension } from './extension.js'

/** One sequence number for all streams of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2), 16 bits. */
export const transportCc = {
  uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  maxBytes: 2,
  onForward: 'write',
} as const satisfies Extension

/** @param offset of an element of at least 2 bytes @returns 0–65535 */
export function readTransportSeq(bytes: Uint8Array, offset: number): number {
  return readU16(bytes, offset)
}

/** Writes 2 bytes: the low 16 bits of `seq`. */
export function writeTransportSeq(bytes: Uint8Array, offset: number, seq: number): void {
  writeU16(bytes, offset, seq)
}
