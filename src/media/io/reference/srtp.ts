/**
 * SRTP and SRTCP written a second time, with node:crypto: what the native one is compared with in tests.
 *
 * Pure and slow. Both profiles of `SrtpProfile`; DTLS-SRTP only, so key derivation rate 0, no MKI, and SRTCP
 * always encrypted (RFC 3711, RFC 7714).
 */

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { SrtpProfile } from '../io.js'

export type PacketKind = 'rtp' | 'rtcp'

/** A profile with its master key (16 bytes) and master salt (12 bytes for GCM, 14 for AES-CM). */
export interface SrtpMaster {
  profile: number
  key: Uint8Array
  salt: Uint8Array
}

interface SessionKeys {
  cipher: Buffer
  mac: Buffer
  salt: Buffer
}

const GCM_TAG_BYTES = 16
const SHORT_TAG_BYTES = 10
const INDEX_BYTES = 4
const RTCP_HEADER_BYTES = 8
const RTCP_LABELS = 3

/**
 * RFC 3711 §4.3: `length` bytes of the session key that `label` names. The key stream of AES-CM under the
 * master key, starting at the master salt with the label in its eighth byte.
 *
 * ```
 * | master salt, 12 or 14 bytes | 00 … up to 16 |   XOR label at byte 7
 * ```
 */
export function deriveKey(key: Uint8Array, salt: Uint8Array, label: number, length: number): Buffer {
  const iv = Buffer.alloc(16)
  iv.set(salt)
  iv[7]! ^= label
  return createCipheriv('aes-128-ctr', key, iv).update(Buffer.alloc(length))
}

function sessionKeys({ profile, key, salt }: SrtpMaster, kind: PacketKind): SessionKeys {
  const first = kind === 'rtcp' ? RTCP_LABELS : 0
  return {
    cipher: deriveKey(key, salt, first, 16),
    mac: deriveKey(key, salt, first + 1, 20),
    salt: deriveKey(key, salt, first + 2, profile === SrtpProfile.aeadAes128Gcm ? 12 : 14),
  }
}

/**
 * The packet index is ROC << 16 | seq, or the SRTCP index.
 *
 * ```
 * AES-CM (RFC 3711 §4.1.1)  salt, 14 | 00 00    XOR  4 zero bytes | SSRC | index, 6 | 00 00
 * GCM (RFC 7714 §8.1, §9.1) salt, 12            XOR  2 zero bytes | SSRC | index, 6
 * ```
 */
function initialVector(profile: number, salt: Buffer, ssrc: number, index: number): Buffer {
  const gcm = profile === SrtpProfile.aeadAes128Gcm
  const mask = Buffer.alloc(gcm ? 12 : 16)
  mask.writeUInt32BE(ssrc, gcm ? 2 : 4)
  mask.writeUIntBE(index, gcm ? 6 : 8, 6)
  for (let i = 0; i < salt.length; i++) mask[i]! ^= salt[i]!
  return mask
}

/** Length of an RTP header with CSRCs and extension (RFC 3550 §5.1), 0 when it is not one or does not fit. */
export function rtpHeaderLength(packet: Uint8Array): number {
  if (packet.length < 12 || packet[0]! >> 6 !== 2) return 0
  let end = 12 + 4 * (packet[0]! & 0x0f)
  if (end > packet.length) return 0
  if ((packet[0]! & 0x10) === 0) return end
  if (end + 4 > packet.length) return 0
  end += 4 + 4 * ((packet[end + 2]! << 8) | packet[end + 3]!)
  return end > packet.length ? 0 : end
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const gcmSeal = (keys: SessionKeys, iv: Buffer, aad: Buffer, plain: Uint8Array): [Buffer, Buffer] => {
  const cipher = createCipheriv('aes-128-gcm', keys.cipher, iv).setAAD(aad)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return [sealed, cipher.getAuthTag()]
}

function gcmOpen(keys: SessionKeys, iv: Buffer, aad: Buffer, sealed: Uint8Array, tag: Uint8Array): Buffer | null {
  const decipher = createDecipheriv('aes-128-gcm', keys.cipher, iv, { authTagLength: GCM_TAG_BYTES })
  decipher.setAAD(aad).setAuthTag(tag)
  const plain = decipher.update(sealed)
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    return null
  }
}

const aesCm = (keys: SessionKeys, iv: Buffer, bytes: Uint8Array): Buffer =>
  createCipheriv('aes-128-ctr', keys.cipher, iv).update(bytes)

const shortTag = (keys: SessionKeys, ...parts: Uint8Array[]): Buffer => {
  const mac = createHmac('sha1', keys.mac)
  for (const part of parts) mac.update(part)
  return mac.digest().subarray(0, SHORT_TAG_BYTES)
}

function protectRtp(master: SrtpMaster, packet: Buffer, index: number): Buffer | null {
  const headerLength = rtpHeaderLength(packet)
  if (headerLength === 0) return null
  const keys = sessionKeys(master, 'rtp')
  const header = packet.subarray(0, headerLength)
  const iv = initialVector(master.profile, keys.salt, packet.readUInt32BE(8), index)
  if (master.profile === SrtpProfile.aeadAes128Gcm) {
    return Buffer.concat([header, ...gcmSeal(keys, iv, header, packet.subarray(headerLength))])
  }
  const sealed = Buffer.concat([header, aesCm(keys, iv, packet.subarray(headerLength))])
  return Buffer.concat([sealed, shortTag(keys, sealed, u32(Math.floor(index / 0x10000)))])
}

/**
 * ```
 * GCM (RFC 7714 §9)      | header, 8 | ciphertext | tag, 16  | E, index |
 * AES-CM (RFC 3711 §3.4) | header, 8 | ciphertext | E, index | tag, 10  |
 * ```
 */
function protectRtcp(master: SrtpMaster, packet: Buffer, index: number): Buffer | null {
  if (packet.length < RTCP_HEADER_BYTES) return null
  const keys = sessionKeys(master, 'rtcp')
  const header = packet.subarray(0, RTCP_HEADER_BYTES)
  const body = packet.subarray(RTCP_HEADER_BYTES)
  const word = u32((index | 0x80000000) >>> 0)
  const iv = initialVector(master.profile, keys.salt, packet.readUInt32BE(4), index)
  if (master.profile === SrtpProfile.aeadAes128Gcm) {
    return Buffer.concat([header, ...gcmSeal(keys, iv, Buffer.concat([header, word]), body), word])
  }
  const sealed = Buffer.concat([header, aesCm(keys, iv, body), word])
  return Buffer.concat([sealed, shortTag(keys, sealed)])
}

function unprotectRtp(master: SrtpMaster, packet: Buffer, index: number): Buffer | null {
  const gcm = master.profile === SrtpProfile.aeadAes128Gcm
  const end = packet.length - (gcm ? GCM_TAG_BYTES : SHORT_TAG_BYTES)
  const headerLength = end < 0 ? 0 : rtpHeaderLength(packet.subarray(0, end))
  if (headerLength === 0) return null
  const keys = sessionKeys(master, 'rtp')
  const header = packet.subarray(0, headerLength)
  const sealed = packet.subarray(headerLength, end)
  const tag = packet.subarray(end)
  const iv = initialVector(master.profile, keys.salt, packet.readUInt32BE(8), index)
  if (gcm) {
    const plain = gcmOpen(keys, iv, header, sealed, tag)
    return plain && Buffer.concat([header, plain])
  }
  const expected = shortTag(keys, packet.subarray(0, end), u32(Math.floor(index / 0x10000)))
  return timingSafeEqual(expected, tag) ? Buffer.concat([header, aesCm(keys, iv, sealed)]) : null
}

function unprotectRtcp(master: SrtpMaster, packet: Buffer, index: number): Buffer | null {
  const gcm = master.profile === SrtpProfile.aeadAes128Gcm
  const end = packet.length - INDEX_BYTES - (gcm ? GCM_TAG_BYTES : SHORT_TAG_BYTES)
  if (end < RTCP_HEADER_BYTES) return null
  const keys = sessionKeys(master, 'rtcp')
  const header = packet.subarray(0, RTCP_HEADER_BYTES)
  const sealed = packet.subarray(RTCP_HEADER_BYTES, end)
  const word = u32((index | 0x80000000) >>> 0)
  const iv = initialVector(master.profile, keys.salt, packet.readUInt32BE(4), index)
  if (gcm) {
    const plain = gcmOpen(keys, iv, Buffer.concat([header, word]), sealed, packet.subarray(end, end + GCM_TAG_BYTES))
    return plain && Buffer.concat([header, plain])
  }
  const expected = shortTag(keys, packet.subarray(0, end), word)
  const tag = packet.subarray(end + INDEX_BYTES)
  return timingSafeEqual(expected, tag) ? Buffer.concat([header, aesCm(keys, iv, sealed)]) : null
}

/** Seals a packet for an index: ROC << 16 | seq (48 bits) or the SRTCP index (31 bits). Null when malformed. */
export function protect(master: SrtpMaster, kind: PacketKind, packet: Uint8Array, index: number): Buffer | null {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
  return kind === 'rtp' ? protectRtp(master, bytes, index) : protectRtcp(master, bytes, index)
}

/** The plain packet, or null when it is malformed or its tag is wrong for this index. */
export function unprotect(master: SrtpMaster, kind: PacketKind, packet: Uint8Array, index: number): Buffer | null {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
  return kind === 'rtp' ? unprotectRtp(master, bytes, index) : unprotectRtcp(master, bytes, index)
}
