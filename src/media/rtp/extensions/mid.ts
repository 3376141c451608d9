import type { Extension } from './extension.js'

/** Which m-line a packet belongs to (RFC 9143 §15): the value of its `a=mid`, in ASCII. */
export const mid = {
  uri: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  maxBytes: 16,
  onForward: 'write',
} as const satisfies Extension

/**
 * Whether the element `bytes[offset … offset + length)` says exactly `text`. Serves mid, rid and repaired-rid.
 * @param text the ASCII bytes to compare with
 */
export function sameText(bytes: Uint8Array, offset: number, length: number, text: Uint8Array): boolean {
  if (length !== text.length) return false
  for (let i = 0; i < length; i++) if (bytes[offset + i] !== text[i]) return false
  return true
}

/** The element as text, one character per byte: for the first packet of a stream, not for each. */
export function readText(bytes: Uint8Array, offset: number, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += String.fromCharCode(bytes[offset + i]!)
  return text
}
