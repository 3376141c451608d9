/**
 * Data Channel Establishment Protocol (RFC 8832 §5): messages on PPID 50 of the channel's own stream.
 *
 * ```
 * +---------------+---------------+-------------------------------+
 * |   3 = OPEN    | channel type  |           priority            |
 * |                    reliability parameter                      |
 * |         label length          |        protocol length        |
 * |  label (UTF-8) …                                              |
 * |  protocol (UTF-8) …                                           |
 * +---------------------------------------------------------------+
 *
 * +---------------+
 * |   2 = ACK     |
 * +---------------+
 * ```
 *
 * Channel type: 0 reliable, 1 retransmissions limited, 2 lifetime limited; 0x80 added = unordered.
 */
import type { ChannelParameters } from '../../control.js'
import { readU16, readU32 } from '../../rtp/big-endian.js'

/** Payload protocol identifiers (RFC 8831 §8). */
export const Ppid = { dcep: 50, text: 51, binary: 53, emptyText: 56, emptyBinary: 57 } as const

export const DCEP_ACK = 2
const DCEP_OPEN = 3
const OPEN_HEADER_BYTES = 12
const UNORDERED = 0x80
/** Longest label and protocol that we take; W3C allows 65,535, nobody uses more than a few words. */
export const MAX_LABEL_BYTES = 1024
/** W3C: channels are made with priority "low" unless told otherwise, which is 256 (RFC 8831 §6.4). */
const PRIORITY = 256

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads an OPEN message. @returns undefined when it is not one, cut short, too long, or not UTF-8 */
export function readOpen(bytes: Uint8Array): ChannelParameters | undefined {
  if (bytes.length < OPEN_HEADER_BYTES || bytes[0] !== DCEP_OPEN) return undefined
  const type = bytes[1]! & ~UNORDERED
  const parameter = readU32(bytes, 4)
  const labelLength = readU16(bytes, 8)
  const protocolLength = readU16(bytes, 10)
  if (type > 2 || labelLength > MAX_LABEL_BYTES || protocolLength > MAX_LABEL_BYTES) return undefined
  if (bytes.length !== OPEN_HEADER_BYTES + labelLength + protocolLength) return undefined
  const label = decode(bytes.subarray(OPEN_HEADER_BYTES, OPEN_HEADER_BYTES + labelLength))
  const protocol = decode(bytes.subarray(OPEN_HEADER_BYTES + labelLength))
  if (label === undefined || protocol === undefined) return undefined
  const channel: ChannelParameters = { label, protocol, ordered: (bytes[1]! & UNORDERED) === 0 }
  if (type === 1) channel.maxRetransmits = parameter
  if (type === 2) channel.maxPacketLifeTimeMs = parameter
  return channel
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** An OPEN message for a channel, or undefined when its label or protocol is longer than `MAX_LABEL_BYTES`. */
export function writeOpen(channel: ChannelParameters): Uint8Array | undefined {
  const label = Buffer.from(channel.label)
  const protocol = Buffer.from(channel.protocol)
  if (label.length > MAX_LABEL_BYTES || protocol.length > MAX_LABEL_BYTES) return undefined
  const open = Buffer.alloc(OPEN_HEADER_BYTES + label.length + protocol.length)
  const type = channel.maxRetransmits !== undefined ? 1 : channel.maxPacketLifeTimeMs !== undefined ? 2 : 0
  open[0] = DCEP_OPEN
  open[1] = channel.ordered ? type : type | UNORDERED
  open.writeUInt16BE(PRIORITY, 2)
  open.writeUInt32BE((channel.maxRetransmits ?? channel.maxPacketLifeTimeMs ?? 0) >>> 0, 4)
  open.writeUInt16BE(label.length, 8)
  open.writeUInt16BE(protocol.length, 10)
  open.set(label, OPEN_HEADER_BYTES)
  open.set(protocol, OPEN_HEADER_BYTES + label.length)
  return open
}
