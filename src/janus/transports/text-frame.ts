/** Text frames of a WebSocket server (RFC 6455 §5.2): one frame per message, not masked, not compressed. */

/** FIN and the opcode of text. */
const TEXT = '\x81'
const LENGTH_16 = '\x7e'
const LENGTH_64 = '\x7f'

const byte = (value: number, shift: number) => String.fromCharCode((value >>> shift) & 0xff)
const int32 = (value: number) => byte(value, 24) + byte(value, 16) + byte(value, 8) + byte(value, 0)

function makeHeader(length: number): string {
  if (length < 126) return TEXT + byte(length, 0)
  if (length < 65_536) return TEXT + LENGTH_16 + byte(length, 8) + byte(length, 0)
  return TEXT + LENGTH_64 + int32(0) + int32(length)
}

const usual = Array.from({ length: 1024 }, (_, length) => makeHeader(length))

/** @param length of the payload in bytes, below 2^32 @returns the header, one character per byte */
export const textFrameHeader = (length: number): string => usual[length] ?? makeHeader(length)
