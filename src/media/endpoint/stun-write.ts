/**
 * Writes STUN messages (RFC 8489). Every function takes the buffer and where to write, and returns the offset
 * behind what it wrote; the caller makes sure that there is room (`MAX_STUN_RESPONSE_BYTES` for a response).
 */
import { Addr } from '../io/io.js'
import { writeU16, writeU32 } from '../rtp/big-endian.js'
import {
  MAX_UNKNOWN_ATTRIBUTES,
  messageIntegrity,
  STUN_HEADER_BYTES,
  STUN_MAGIC_COOKIE,
  StunAttribute,
  StunClass,
  StunMethod,
  type StunView,
  stunFingerprint,
} from './stun.js'

/** The longest response: 420 with a full UNKNOWN-ATTRIBUTES. */
export const MAX_STUN_RESPONSE_BYTES = 128

/** Error codes we answer with and their reason phrases (RFC 8489 §14.8, RFC 8445 §7.1.1). */
export const stunErrorPhrases = {
  400: 'Bad Request',
  420: 'Unknown Attribute',
  487: 'Role Conflict',
} as const

export type StunErrorCode = keyof typeof stunErrorPhrases

/** Header with length 0; `setLength` (or integrity and fingerprint) puts the real one in. */
export function writeHeader(
  out: Uint8Array,
  at: number,
  stunClass: number,
  method: number,
  transactionId: Uint8Array,
  transactionIdOffset: number,
): number {
  const type =
    (method & 0x000f) |
    ((method & 0x0070) << 1) |
    ((method & 0x0f80) << 2) |
    ((stunClass & 1) << 4) |
    ((stunClass & 2) << 7)
  writeU16(out, at, type)
  writeU16(out, at + 2, 0)
  writeU32(out, at + 4, STUN_MAGIC_COOKIE)
  for (let i = 0; i < 12; i++) out[at + 8 + i] = transactionId[transactionIdOffset + i]!
  return at + STUN_HEADER_BYTES
}

/** Makes the message that starts at `start` end at `end`. */
export function setLength(out: Uint8Array, start: number, end: number): void {
  writeU16(out, start + 2, end - start - STUN_HEADER_BYTES)
}

/** Type, length, value and zero padding to 4 bytes. */
export function writeAttribute(out: Uint8Array, at: number, attribute: number, value: Uint8Array): number {
  writeU16(out, at, attribute)
  writeU16(out, at + 2, value.length)
  out.set(value, at + 4)
  const end = at + 4 + value.length
  const next = at + 4 + ((value.length + 3) & ~3)
  out.fill(0, end, next)
  return next
}

/** MESSAGE-INTEGRITY over everything from `start` to `at`, keyed with a short-term password. */
export function writeIntegrity(out: Uint8Array, start: number, at: number, key: string): number {
  const next = writeAttribute(out, at, StunAttribute.messageIntegrity, messageIntegrity(out, start, at, key))
  setLength(out, start, next)
  return next
}

/** FINGERPRINT over everything from `start` to `at`; the last attribute. */
export function writeFingerprint(out: Uint8Array, start: number, at: number): number {
  const next = at + 8
  setLength(out, start, next)
  writeU16(out, at, StunAttribute.fingerprint)
  writeU16(out, at + 2, 4)
  writeU32(out, at + 4, stunFingerprint(out, start, at))
  return next
}

/**
 * XOR-MAPPED-ADDRESS (RFC 8489 §14.2) of one row of `addrs` (see `Addr` of the io).
 *
 * ```
 * +-------+-------+---------------+--------------------------------------+
 * |   0   |family | port ^ cookie | address ^ (cookie | transaction id)  |   family 1 = IPv4, 2 = IPv6
 * +-------+-------+---------------+--------------------------------------+
 * ```
 */
export function writeXorMappedAddress(
  out: Uint8Array,
  start: number,
  at: number,
  addrs: Uint8Array,
  addrOffset: number,
): number {
  const isV6 = addrs[addrOffset + Addr.family] === 6
  const addressLength = isV6 ? 16 : 4
  writeU16(out, at, StunAttribute.xorMappedAddress)
  writeU16(out, at + 2, 4 + addressLength)
  out[at + 4] = 0
  out[at + 5] = isV6 ? 2 : 1
  // Cookie and transaction id stand next to each other in the header: one mask of 16 bytes.
  out[at + 6] = addrs[addrOffset + Addr.port]! ^ out[start + 4]!
  out[at + 7] = addrs[addrOffset + Addr.port + 1]! ^ out[start + 5]!
  for (let i = 0; i < addressLength; i++) out[at + 8 + i] = addrs[addrOffset + Addr.ip + i]! ^ out[start + 4 + i]!
  return at + 8 + addressLength
}

/**
 * Binding success response to the request that `view` was read from: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT.
 * @returns length in bytes (64 for IPv4, 76 for IPv6)
 */
export function writeBindingSuccess(
  out: Uint8Array,
  start: number,
  request: Uint8Array,
  view: StunView,
  addrs: Uint8Array,
  addrOffset: number,
  key: string,
): number {
  let at = writeHeader(out, start, StunClass.success, StunMethod.binding, request, view.transactionIdOffset)
  at = writeXorMappedAddress(out, start, at, addrs, addrOffset)
  at = writeIntegrity(out, start, at, key)
  at = writeFingerprint(out, start, at)
  return at - start
}

const encodedPhrases = Object.fromEntries(
  Object.entries(stunErrorPhrases).map(([code, phrase]) => [code, Buffer.from(`\0\0\0\0${phrase}`, 'latin1')]),
) as Record<StunErrorCode, Buffer>
for (const [code, value] of Object.entries(encodedPhrases)) {
  value[2] = Math.trunc(Number(code) / 100)
  value[3] = Number(code) % 100
}

/**
 * Binding error response to the request that `view` was read from; 420 carries UNKNOWN-ATTRIBUTES.
 * @param key password to sign with
 * @returns length in bytes, at most `MAX_STUN_RESPONSE_BYTES`
 */
export function writeBindingError(
  out: Uint8Array,
  start: number,
  request: Uint8Array,
  view: StunView,
  code: StunErrorCode,
  key: string,
): number {
  let at = writeHeader(out, start, StunClass.error, StunMethod.binding, request, view.transactionIdOffset)
  at = writeAttribute(out, at, StunAttribute.errorCode, encodedPhrases[code])
  if (code === 420) at = writeUnknownAttributes(out, at, view)
  at = writeIntegrity(out, start, at, key)
  at = writeFingerprint(out, start, at)
  return at - start
}

function writeUnknownAttributes(out: Uint8Array, at: number, view: StunView): number {
  const count = Math.min(view.unknownCount, MAX_UNKNOWN_ATTRIBUTES)
  writeU16(out, at, StunAttribute.unknownAttributes)
  writeU16(out, at + 2, count * 2)
  for (let i = 0; i < count; i++) writeU16(out, at + 4 + i * 2, view.unknown[i]!)
  const end = at + 4 + count * 2
  if (count % 2 === 0) return end
  writeU16(out, end, 0)
  return end + 2
}
