/**
 * Walks a compound RTCP packet (RFC 3550 §6.1; reduced-size ones too, RFC 5506) without allocating.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|  count  |     type      | length in 32-bit words − 1    |  × n
 * |                            body                               |
 * ```
 *
 * ```ts
 * const c = newRtcpCursor()
 * for (let ok = firstRtcp(c, bytes, offset, length); ok; ok = nextRtcp(c)) use(c.type, c.count, c)
 * if (c.fault !== 0) dropped[c.fault]++
 * ```
 */
import { readU16 } from '../big-endian.js'

/** Packet types (IANA "RTCP Control Packet Types"). */
export const RtcpType = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  bye: 203,
  app: 204,
  /** Transport-layer feedback; `count` is a `TransportFeedback`. */
  rtpfb: 205,
  /** Payload-specific feedback; `count` is a `PayloadFeedback`. */
  psfb: 206,
  extendedReport: 207,
} as const

/** `count` of an `rtpfb` packet. */
export const TransportFeedback = { nack: 1, transportCc: 15 } as const
/** `count` of a `psfb` packet. REMB is application-layer feedback with the name "REMB". */
export const PayloadFeedback = { pli: 1, fir: 4, application: 15 } as const

export const RtcpFault = {
  none: 0,
  /** Fewer bytes than a header where a packet should begin, or an empty datagram. */
  short: 1,
  version: 2,
  /** A packet's length reaches past the datagram. */
  length: 3,
  /** A pad count of 0 or larger than the body. */
  padding: 4,
} as const

/** One packet of the compound; `firstRtcp` and `nextRtcp` fill it. */
export interface RtcpCursor {
  /** What is being walked. Readers of the single types take their bytes from here. */
  bytes: Uint8Array
  /** Packet type, 0–255: see `RtcpType`. */
  type: number
  /** The five bits beside the version: report or chunk count, or feedback format. */
  count: number
  /** Absolute offset of what follows the 4-byte header. */
  bodyOffset: number
  /** Bytes of body inside the datagram, padding left out. */
  bodyLength: number
  /** Why the walk ended early; 0 after a whole compound. */
  fault: number
  /** Where the next packet begins. */
  next: number
  /** End of the datagram. */
  end: number
}

const nothing = new Uint8Array(0)

export function newRtcpCursor(): RtcpCursor {
  return { bytes: nothing, type: 0, count: 0, bodyOffset: 0, bodyLength: 0, fault: 0, next: 0, end: 0 }
}

/**
 * Begins at the first packet of `bytes[offset … offset + length)`.
 * @returns whether `c` now describes a packet; false with `c.fault` set if the bytes are no RTCP
 */
export function firstRtcp(c: RtcpCursor, bytes: Uint8Array, offset: number, length: number): boolean {
  c.bytes = bytes
  c.next = offset
  c.end = offset + length
  c.fault = RtcpFault.none
  if (length < 4 || offset < 0 || c.end > bytes.length) return stop(c, RtcpFault.short)
  return nextRtcp(c)
}

/** Goes on to the next packet. @returns false at the end (`c.fault` 0) or at malformed bytes (`c.fault` set) */
export function nextRtcp(c: RtcpCursor): boolean {
  const at = c.next
  if (at === c.end || c.fault !== RtcpFault.none) return false
  if (at + 4 > c.end) return stop(c, RtcpFault.short)
  const bytes = c.bytes
  const first = bytes[at]!
  if (first >> 6 !== 2) return stop(c, RtcpFault.version)
  const body = readU16(bytes, at + 2) * 4
  const next = at + 4 + body
  if (next > c.end) return stop(c, RtcpFault.length)
  let padding = 0
  if ((first & 0x20) !== 0) {
    padding = body > 0 ? bytes[next - 1]! : 0
    // RFC 3550 §6.4.1 pads the last packet only, and by multiples of 4. libwebrtc pads each transport-wide feedback by 1 to
    // 3 bytes, several of them in one compound.
    if (padding === 0 || padding > body) return stop(c, RtcpFault.padding)
  }
  c.type = bytes[at + 1]!
  c.count = first & 0x1f
  c.bodyOffset = at + 4
  c.bodyLength = body - padding
  c.next = next
  return true
}

function stop(c: RtcpCursor, fault: number): false {
  c.fault = fault
  c.next = c.end
  c.bodyLength = 0
  return false
}
