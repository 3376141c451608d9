/**
 * Finding elements in a header-extension block (RFC 8285 §4.2, §4.3).
 *
 * ```
 *                one-byte form, profile 0xBEDE          two-byte form, profile 0x1000…0x100F
 *                0 1 2 3 4 5 6 7                        0               1               2
 *               +-+-+-+-+-+-+-+-+----------+           +---------------+---------------+----------+
 *               |  ID   | len−1 | data …   |           |      ID       |    length     | data …   |
 *               +-+-+-+-+-+-+-+-+----------+           +---------------+---------------+----------+
 *                a zero byte is padding                 a zero ID is one byte of padding
 *                ID 15, and ID 0 with a length, end     IDs 1–255, lengths 0–255
 *                the block; IDs 1–14, lengths 1–16
 * ```
 */
import type { RtpView } from '../packet.js'

export const ONE_BYTE_PROFILE = 0xbede
export const TWO_BYTE_PROFILE = 0x1000

/**
 * Looks for the first element with this id.
 * @param bytes what `view` was read from
 * @param id 1–255
 * @returns absolute offset of its data, or −1 when it is missing, or truncated, or the profile is not of RFC 8285
 */
export function findElement(bytes: Uint8Array, view: RtpView, id: number): number {
  let at = view.extensionOffset
  const end = at + view.extensionLength
  if (view.extensionProfile === ONE_BYTE_PROFILE) {
    while (at < end) {
      const head = bytes[at]!
      if (head === 0) {
        at++
        continue
      }
      const length = (head & 0x0f) + 1
      const found = head >> 4
      if (found === 15 || found === 0 || at + 1 + length > end) return -1
      if (found === id) return at + 1
      at += 1 + length
    }
  } else if ((view.extensionProfile & 0xfff0) === TWO_BYTE_PROFILE) {
    while (at < end) {
      const found = bytes[at]!
      if (found === 0) {
        at++
        continue
      }
      if (at + 2 > end || at + 2 + bytes[at + 1]! > end) return -1
      if (found === id) return at + 2
      at += 2 + bytes[at + 1]!
    }
  }
  return -1
}

/**
 * Length of the element whose data `findElement` found, 0–255 (1–16 in the one-byte form).
 * @param dataOffset ≥ 0, from `findElement` with the same arguments
 */
export function elementLength(bytes: Uint8Array, view: RtpView, dataOffset: number): number {
  const head = bytes[dataOffset - 1]!
  return view.extensionProfile === ONE_BYTE_PROFILE ? (head & 0x0f) + 1 : head
}
