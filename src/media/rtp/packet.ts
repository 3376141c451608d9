/**
 * The RTP header (RFC 3550 §5.1, §5.3.1), read in place.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |                             SSRC                              |
 * |              CSRC, CC times (0–15)                            |
 * +-------------------------------+-------------------------------+  with X:
 * | profile: 0xBEDE, 0x100n       | length in 32-bit words        |
 * |              extension elements (RFC 8285)                    |
 * +---------------------------------------------------------------+
 * |              payload                        ... with P: | pad |  pad counts itself
 * ```
 */
import { readU16, readU32 } from './big-endian.js'

/** What `readRtp` fills in. One object serves any number of packets. */
export interface RtpView {
  /** Payload type, 0–127. */
  pt: number
  marker: boolean
  /** Wire sequence number, 16 bits. */
  seq: number
  /** Wire timestamp, 32 bits, unsigned. */
  timestamp: number
  ssrc: number
  /** 12 + CSRCs + extension block. */
  headerLength: number
  /** Absolute offset in the bytes that were read. */
  payloadOffset: number
  /** Without padding. 0 for a packet of padding only, as bandwidth probes are. */
  payloadLength: number
  /** 0 = no extension, 0xBEDE one-byte form, 0x1000…0x100F two-byte form; any other value: elements unknown. */
  extensionProfile: number
  /** Absolute offset of the first element. */
  extensionOffset: number
  /** Bytes of elements, the 4-byte profile/length word not counted. */
  extensionLength: number
}

export function newRtpView(): RtpView {
  return {
    pt: 0,
    marker: false,
    seq: 0,
    timestamp: 0,
    ssrc: 0,
    headerLength: 0,
    payloadOffset: 0,
    payloadLength: 0,
    extensionProfile: 0,
    extensionOffset: 0,
    extensionLength: 0,
  }
}

/** Why bytes are not an RTP packet. */
export const RtpFault = {
  none: 0,
  /** Shorter than the fixed header and its CSRCs. */
  short: 1,
  /** Version is not 2. */
  version: 2,
  /** The extension block reaches past the packet. */
  extension: 3,
  /** P bit with a pad count of 0, one larger than the payload, or no payload at all. */
  padding: 4,
} as const

export const RTP_FIXED_HEADER = 12

/**
 * Reads the header of the RTP packet in `bytes[offset … offset + length)` into `view`.
 * Never throws and never reads outside that range. After a fault `view` holds nothing of meaning.
 * @returns a `RtpFault`; 0 = a packet
 */
export function readRtp(bytes: Uint8Array, offset: number, length: number, view: RtpView): number {
  if (length < RTP_FIXED_HEADER || offset < 0 || offset + length > bytes.length) return RtpFault.short
  const first = bytes[offset]!
  if (first >> 6 !== 2) return RtpFault.version
  const end = offset + length
  let at = offset + RTP_FIXED_HEADER + (first & 0x0f) * 4
  if (at > end) return RtpFault.short

  view.extensionProfile = 0
  view.extensionOffset = at
  view.extensionLength = 0
  if ((first & 0x10) !== 0) {
    if (at + 4 > end) return RtpFault.extension
    view.extensionProfile = readU16(bytes, at)
    view.extensionOffset = at + 4
    view.extensionLength = readU16(bytes, at + 2) * 4
    at += 4 + view.extensionLength
    if (at > end) return RtpFault.extension
  }

  let padding = 0
  if ((first & 0x20) !== 0) {
    padding = at < end ? bytes[end - 1]! : 0
    if (padding === 0 || padding > end - at) return RtpFault.padding
  }

  const second = bytes[offset + 1]!
  view.pt = second & 0x7f
  view.marker = (second & 0x80) !== 0
  view.seq = readU16(bytes, offset + 2)
  view.timestamp = readU32(bytes, offset + 4)
  view.ssrc = readU32(bytes, offset + 8)
  view.headerLength = at - offset
  view.payloadOffset = at
  view.payloadLength = end - at - padding
  return RtpFault.none
}
