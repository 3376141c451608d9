/** CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of SCTP (RFC 9260 appendix A): what the addon does, in TypeScript. */

/** Eight tables: eight bytes are folded in per step. */
const tables = Array.from({ length: 8 }, () => new Uint32Array(256))
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  tables[0]![byte] = crc
}
for (let table = 1; table < 8; table++) {
  for (let byte = 0; byte < 256; byte++) {
    const previous = tables[table - 1]![byte]!
    tables[table]![byte] = (previous >>> 8) ^ tables[0]![previous & 0xff]!
  }
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

function fold(state: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = state
  let at = start
  for (; at + 8 <= end; at += 8) {
    crc =
      t7[(crc ^ bytes[at]!) & 0xff]! ^
      t6[((crc >>> 8) ^ bytes[at + 1]!) & 0xff]! ^
      t5[((crc >>> 16) ^ bytes[at + 2]!) & 0xff]! ^
      t4[((crc >>> 24) ^ bytes[at + 3]!) & 0xff]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return crc
}

/** CRC-32C of `bytes[start … end)`, unsigned. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  return ~fold(-1, bytes, start, end) >>> 0
}

/** Source and destination port, verification tag, checksum. */
export const SCTP_HEADER_BYTES = 12
const CHECKSUM_AT = 8
const zeros = new Uint8Array(4)

/** The checksum of the SCTP packet `bytes[start … end)`, whose checksum field is taken as zero. */
function sctpChecksum(bytes: Uint8Array, start: number, end: number): number {
  const state = fold(fold(-1, bytes, start, start + CHECKSUM_AT), zeros, 0, zeros.length)
  return ~fold(state, bytes, start + SCTP_HEADER_BYTES, end) >>> 0
}

/** Whether `bytes[start … end)` is an SCTP packet whose checksum is right. */
export function sctpChecksumHolds(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < SCTP_HEADER_BYTES) return false
  const crc = sctpChecksum(bytes, start, end)
  for (let i = 0; i < 4; i++) if (bytes[start + CHECKSUM_AT + i] !== ((crc >>> (8 * i)) & 0xff)) return false
  return true
}

/** Puts the checksum, least byte first, into the SCTP packet `bytes[start … end)`: a common header at least. */
export function writeSctpChecksum(bytes: Uint8Array, start: number, end: number): void {
  const crc = sctpChecksum(bytes, start, end)
  for (let i = 0; i < 4; i++) bytes[start + CHECKSUM_AT + i] = crc >>> (8 * i)
}
