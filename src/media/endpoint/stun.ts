/**
 * STUN messages as ICE uses them (RFC 8489, RFC 8445 §7 and §16): reading and verifying. `stun-write.ts` writes.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |0 0|M M M M M C M M M C M M M M|   length of the attributes    |  M method, C class
 * |                  magic cookie 0x2112A442                      |
 * |                 transaction id (12 bytes)                     |
 * +---------------------------------------------------------------+
 * |        attribute type         |  length without the padding   |  repeated; values padded to 4 bytes
 * |  value …                                                      |
 * +---------------------------------------------------------------+
 * ```
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { readU16, readU32 } from '../rtp/big-endian.js'

export const STUN_HEADER_BYTES = 20
export const STUN_MAGIC_COOKIE = 0x2112a442
/** RFC 8489 §14.3: USERNAME is shorter than 509 bytes; RFC 8445 allows 256 + 1 + 256. */
const MAX_USERNAME_BYTES = 513
export const INTEGRITY_BYTES = 20
/** What the CRC of FINGERPRINT is XORed with (RFC 8489 §14.7). */
export const FINGERPRINT_XOR = 0x5354554e

export const StunClass = { request: 0, indication: 1, success: 2, error: 3 } as const
export const StunMethod = { binding: 1 } as const

export const StunAttribute = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const

/** Unknown attributes that are remembered for UNKNOWN-ATTRIBUTES; further ones are only known to exist. */
export const MAX_UNKNOWN_ATTRIBUTES = 8

/** What `readStun` found. Offsets count from the start of the bytes given, −1 = absent. Made once and filled again. */
export class StunView {
  /** One of `StunClass`. */
  class = 0
  /** 12 bits; `StunMethod.binding` is the only one that ICE uses. */
  method = 0
  transactionIdOffset = -1
  usernameOffset = -1
  usernameLength = 0
  useCandidate = false
  /** ICE-CONTROLLING or ICE-CONTROLLED is there; whose tiebreaker wins is of no interest to a lite agent. */
  hasRole = false
  iceControlled = false
  /** Offset of the attribute's header, not of its value. */
  integrityOffset = -1
  /** Offset of the attribute's header, not of its value. */
  fingerprintOffset = -1
  /** Comprehension-required attributes (below 0x8000) that RFC 8489 and RFC 8445 do not define. */
  unknownCount = 0
  readonly unknown = new Uint16Array(MAX_UNKNOWN_ATTRIBUTES)
  /** An attribute we know has a length its definition does not allow. */
  badAttribute = false

  clear(): void {
    this.class = 0
    this.method = 0
    this.transactionIdOffset = -1
    this.usernameOffset = -1
    this.usernameLength = 0
    this.useCandidate = false
    this.hasRole = false
    this.iceControlled = false
    this.integrityOffset = -1
    this.fingerprintOffset = -1
    this.unknownCount = 0
    this.badAttribute = false
  }
}

/** Whether the bytes have a whole STUN header whose length field covers exactly the rest. */
function hasHeader(bytes: Uint8Array, offset: number, length: number): boolean {
  if (offset < 0 || length < STUN_HEADER_BYTES || offset + length > bytes.length) return false
  if (bytes[offset]! >= 0x40 || readU32(bytes, offset + 4) !== STUN_MAGIC_COOKIE) return false
  const attributes = readU16(bytes, offset + 2)
  return attributes % 4 === 0 && STUN_HEADER_BYTES + attributes === length
}

/**
 * Reads one STUN message. Of an attribute that comes twice, the first counts; between MESSAGE-INTEGRITY and
 * FINGERPRINT everything is ignored, because nothing protects it (RFC 8489 §14.5).
 * @returns false when it is not a well-formed STUN message (`view` is then undefined)
 */
export function readStun(bytes: Uint8Array, offset: number, length: number, view: StunView): boolean {
  if (!hasHeader(bytes, offset, length)) return false
  view.clear()
  const type = readU16(bytes, offset)
  view.class = ((type >> 7) & 2) | ((type >> 4) & 1)
  view.method = (type & 0x000f) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0f80)
  view.transactionIdOffset = offset + 8

  const end = offset + length
  let at = offset + STUN_HEADER_BYTES
  while (at < end) {
    if (view.fingerprintOffset >= 0) return false // FINGERPRINT must be the last attribute (§14.7)
    const attribute = readU16(bytes, at)
    const valueLength = readU16(bytes, at + 2)
    const next = at + 4 + ((valueLength + 3) & ~3)
    if (next > end) return false
    if (attribute === StunAttribute.fingerprint) {
      if (valueLength !== 4) return false
      view.fingerprintOffset = at
    } else if (view.integrityOffset < 0) {
      if (attribute === StunAttribute.messageIntegrity) {
        if (valueLength !== INTEGRITY_BYTES) return false
        view.integrityOffset = at
      } else {
        readAttribute(at, attribute, valueLength, view)
      }
    }
    at = next
  }
  return true
}

function readAttribute(at: number, attribute: number, length: number, view: StunView): void {
  switch (attribute) {
    case StunAttribute.username:
      if (length === 0 || length > MAX_USERNAME_BYTES) view.badAttribute = true
      else if (view.usernameOffset < 0) {
        view.usernameOffset = at + 4
        view.usernameLength = length
      }
      return
    case StunAttribute.priority:
      if (length !== 4) view.badAttribute = true
      return
    case StunAttribute.useCandidate:
      if (length !== 0) view.badAttribute = true
      else view.useCandidate = true
      return
    case StunAttribute.iceControlling:
    case StunAttribute.iceControlled:
      if (length !== 8 || view.hasRole) view.badAttribute = true
      else {
        view.hasRole = true
        view.iceControlled = attribute === StunAttribute.iceControlled
      }
      return
    case StunAttribute.mappedAddress:
    case StunAttribute.errorCode:
    case StunAttribute.unknownAttributes:
    case StunAttribute.realm:
    case StunAttribute.nonce:
    case StunAttribute.messageIntegritySha256:
    case StunAttribute.passwordAlgorithm:
    case StunAttribute.userhash:
    case StunAttribute.xorMappedAddress:
      return
  }
  if (attribute >= 0x8000) return // comprehension-optional
  if (view.unknownCount < MAX_UNKNOWN_ATTRIBUTES) view.unknown[view.unknownCount] = attribute
  view.unknownCount++
}

/**
 * The part of USERNAME before the colon: in a check that comes to us, our own ufrag (RFC 8445 §7.2.2).
 * @returns undefined when the message is malformed, has no USERNAME, or that part is not 4–256 ice-chars
 */
export function readUfrag(bytes: Uint8Array, offset: number, length: number): string | undefined {
  if (!hasHeader(bytes, offset, length)) return undefined
  const end = offset + length
  let at = offset + STUN_HEADER_BYTES
  while (at < end) {
    const valueLength = readU16(bytes, at + 2)
    const next = at + 4 + ((valueLength + 3) & ~3)
    if (next > end) return undefined
    if (readU16(bytes, at) === StunAttribute.username) return ufragOf(bytes, at + 4, valueLength)
    at = next
  }
  return undefined
}

function ufragOf(bytes: Uint8Array, offset: number, length: number): string | undefined {
  let ufrag = ''
  for (let i = 0; i < length; i++) {
    const char = bytes[offset + i]!
    if (char === 0x3a) return ufrag.length >= 4 ? ufrag : undefined
    if (ufrag.length === 256 || !isIceChar(char)) return undefined
    ufrag += String.fromCharCode(char)
  }
  return undefined
}

/** ALPHA / DIGIT / "+" / "/" (RFC 8839 §5.4). */
function isIceChar(char: number): boolean {
  return (
    (char >= 0x61 && char <= 0x7a) ||
    (char >= 0x41 && char <= 0x5a) ||
    (char >= 0x2f && char <= 0x39) || // "/" and the digits
    char === 0x2b
  )
}

const hashedHeader = new Uint8Array(STUN_HEADER_BYTES)

/**
 * HMAC-SHA1 of a message up to its MESSAGE-INTEGRITY attribute, with the header's length as if the message
 * ended behind that attribute (RFC 8489 §14.5).
 * @param integrityOffset offset of the attribute's header, whether it is written already or not
 * @param key password in the short-term credential mechanism
 */
export function messageIntegrity(bytes: Uint8Array, offset: number, integrityOffset: number, key: string): Uint8Array {
  const hashedLength = integrityOffset - offset - STUN_HEADER_BYTES + 4 + INTEGRITY_BYTES
  hashedHeader.set(bytes.subarray(offset, offset + STUN_HEADER_BYTES))
  hashedHeader[2] = hashedLength >> 8
  hashedHeader[3] = hashedLength
  return createHmac('sha1', key)
    .update(hashedHeader)
    .update(bytes.subarray(offset + STUN_HEADER_BYTES, integrityOffset))
    .digest()
}

/** Whether MESSAGE-INTEGRITY of the message that `view` was read from is there and made with `key`. */
export function verifyIntegrity(bytes: Uint8Array, offset: number, view: StunView, key: string): boolean {
  const at = view.integrityOffset
  if (at < 0) return false
  const computed = messageIntegrity(bytes, offset, at, key)
  return timingSafeEqual(computed, bytes.subarray(at + 4, at + 4 + INTEGRITY_BYTES))
}

/** Whether FINGERPRINT of the message that `view` was read from is there and right. */
export function verifyFingerprint(bytes: Uint8Array, offset: number, view: StunView): boolean {
  const at = view.fingerprintOffset
  if (at < 0) return false
  return readU32(bytes, at + 4) === stunFingerprint(bytes, offset, at)
}

/** CRC-32 of the bytes before the FINGERPRINT attribute, XORed as RFC 8489 §14.7 says. */
export function stunFingerprint(bytes: Uint8Array, offset: number, fingerprintOffset: number): number {
  let crc = 0xffffffff
  for (let at = offset; at < fingerprintOffset; at++) crc = crcTable[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return (~crc ^ FINGERPRINT_XOR) >>> 0
}

/** ITU V.42 CRC-32, reflected polynomial 0xEDB88320. */
const crcTable = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  crcTable[byte] = crc >>> 0
}
