/**
 * SCTP packets (RFC 9260 §3): the check that everything received goes through first, and the writer. Checksums are the io's.
 *
 * ```
 * +-------------------------------+-------------------------------+
 * |      source port (5000)       |    destination port (5000)    |
 * |                       verification tag                        |
 * |                 CRC-32C (least byte first)                    |
 * +---------------+---------------+-------------------------------+
 * |  chunk type   |     flags     |  length, header included      |  repeated; padded to 4 bytes
 * |  value …                                                      |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU16 } from '../../rtp/big-endian.js'

/** Both ends' port: DTLS carries one association, and the port of `a=sctp-port` is 5000 everywhere. */
export const SCTP_PORT = 5000
export const COMMON_HEADER_BYTES = 12
export const DATA_HEADER_BYTES = 16
/** Ours fit into a DTLS record within 1,200-byte datagrams. */
export const MAX_PACKET_BYTES = 1180
export const MAX_FRAGMENT_BYTES = MAX_PACKET_BYTES - COMMON_HEADER_BYTES - DATA_HEADER_BYTES

export const ChunkType = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  reconfig: 130,
  forwardTsn: 192,
} as const

/** Flags of a DATA chunk (RFC 9260 §3.3.1). */
export const DataFlag = { end: 1, begin: 2, unordered: 4, immediate: 8 } as const

export const ParameterType = {
  heartbeatInfo: 1,
  stateCookie: 7,
  outgoingReset: 13,
  incomingReset: 14,
  tsnReset: 15,
  reconfigResponse: 16,
  addOutgoing: 17,
  addIncoming: 18,
  supportedExtensions: 0x8008,
  forwardTsnSupported: 0xc000,
} as const

/** For what is only compared: as an integer with a sign, no number of 32 bits is an object on the heap. */
export const readInt32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** Serial arithmetic (RFC 1982): whether TSN `a` comes after `b`. */
export const tsnAfter = (a: number, b: number): boolean => ((a - b) | 0) > 0
/** How far TSN `a` is ahead of `b`, 0 … 2^32−1. */
export const tsnDistance = (a: number, b: number): number => (a - b) >>> 0
/** The same for 16-bit stream sequence numbers. */
export const ssnAfter = (a: number, b: number): boolean => (a - b) << 16 > 0

/** Why a packet or a chunk was not taken; the index into `sctpReasonNames`. */
export const SctpReason = {
  accepted: 0,
  short: 1,
  port: 2,
  checksum: 3,
  tag: 4,
  chunk: 5,
  parameter: 6,
  state: 7,
  sack: 8,
  window: 9,
  oversize: 10,
  dcep: 11,
  unknownChannel: 12,
  channelLimit: 13,
  buffer: 14,
  late: 15,
  tooLong: 16,
  repeated: 17,
  resetDenied: 18,
  /** A message that waited on a channel that was closed. */
  closed: 19,
} as const

/** Names for metrics (`drop_sctp_…`), in the order of `SctpReason`. */
export const sctpReasonNames = [
  'accepted',
  'short',
  'port',
  'checksum',
  'tag',
  'chunk',
  'parameter',
  'state',
  'sack',
  'window',
  'oversize',
  'dcep',
  'unknown_channel',
  'channel_limit',
  'buffer',
  'late',
  'too_long',
  'repeated',
  'reset_denied',
  'closed',
] as const

/** Shortest length field by chunk type; chunks that are not listed need their 4-byte header only. */
const shortest: Record<number, number> = {
  [ChunkType.data]: 17, // at least one byte of user data (§3.3.1)
  [ChunkType.init]: 20,
  [ChunkType.initAck]: 20,
  [ChunkType.sack]: 16,
  [ChunkType.heartbeat]: 8,
  [ChunkType.shutdown]: 8,
  [ChunkType.cookieEcho]: 5,
  [ChunkType.reconfig]: 8,
  [ChunkType.forwardTsn]: 8,
}
/** Where the parameters of a chunk begin, for chunks that have them. */
const parametersAt: Record<number, number> = {
  [ChunkType.init]: 20,
  [ChunkType.initAck]: 20,
  [ChunkType.heartbeat]: 4,
  [ChunkType.reconfig]: 4,
}

/**
 * Checks ports and every chunk and parameter length of one packet. What passes can be read without
 * further checks of bounds: chunks, parameters of INIT, INIT ACK, HEARTBEAT and RE-CONFIG, and the counts of SACK.
 * @returns one of `SctpReason`
 */
export function checkPacket(bytes: Uint8Array, offset: number, length: number): number {
  if (offset < 0 || length < COMMON_HEADER_BYTES + 4 || offset + length > bytes.length) return SctpReason.short
  if (readU16(bytes, offset) !== SCTP_PORT || readU16(bytes, offset + 2) !== SCTP_PORT) return SctpReason.port
  const end = offset + length
  let at = offset + COMMON_HEADER_BYTES
  while (at < end) {
    if (at + 4 > end) return SctpReason.chunk
    const type = bytes[at]!
    const chunkLength = readU16(bytes, at + 2)
    if (chunkLength < (shortest[type] ?? 4) || at + chunkLength > end) return SctpReason.chunk
    const reason = checkChunk(bytes, at, type, chunkLength)
    if (reason !== SctpReason.accepted) return reason
    at += (chunkLength + 3) & ~3
  }
  return SctpReason.accepted
}

function checkChunk(bytes: Uint8Array, at: number, type: number, length: number): number {
  if (type === ChunkType.sack) {
    const blocks = readU16(bytes, at + 12) + readU16(bytes, at + 14)
    return length === 16 + blocks * 4 ? SctpReason.accepted : SctpReason.chunk
  }
  if (type === ChunkType.forwardTsn) return length % 4 === 0 ? SctpReason.accepted : SctpReason.chunk
  const first = parametersAt[type]
  if (first === undefined) return SctpReason.accepted
  const end = at + length
  let parameter = at + first
  while (parameter < end) {
    if (parameter + 4 > end) return SctpReason.parameter
    const parameterLength = readU16(bytes, parameter + 2)
    if (parameterLength < 4 || parameter + parameterLength > end) return SctpReason.parameter
    parameter += (parameterLength + 3) & ~3
  }
  return SctpReason.accepted
}

/**
 * Chunks that are taken from one packet, by type: what an honest peer puts in at most. Each is small and makes work or an
 * answer, which a packet full of them would multiply.
 */
export const maxPerPacket = new Uint16Array(256).fill(0xffff)
maxPerPacket[ChunkType.sack] = 1
maxPerPacket[ChunkType.forwardTsn] = 1
maxPerPacket[ChunkType.heartbeat] = 1
maxPerPacket[ChunkType.cookieEcho] = 1
// Responses, in chunks of their own, and the one request that may be without answer (RFC 6525 §5.1.1).
maxPerPacket[ChunkType.reconfig] = 4

/** Builds one packet after another in the same buffer. Methods do not check for room: ask `room` first. */
export class PacketWriter {
  readonly bytes = new Uint8Array(MAX_PACKET_BYTES)
  /** `bytes` up to a length, made once for each. */
  readonly #views: (Uint8Array | undefined)[] = []
  #at = 0
  #chunkAt = 0

  /** Begins a packet without chunks. */
  start(verificationTag: number): void {
    this.#at = 0
    this.uint16(SCTP_PORT)
    this.uint16(SCTP_PORT)
    this.uint32(verificationTag)
    this.uint32(0)
  }

  /** Bytes left for chunks, their headers included. */
  get room(): number {
    return MAX_PACKET_BYTES - this.#at
  }

  get isEmpty(): boolean {
    return this.#at === COMMON_HEADER_BYTES
  }

  /** Begins a chunk, whose length `endChunk` puts in. */
  startChunk(type: number, flags: number): void {
    this.#chunkAt = this.#at
    this.uint16((type << 8) | flags)
    this.uint16(0)
  }

  /** Puts the chunk's length in and pads it. */
  endChunk(): void {
    const length = this.#at - this.#chunkAt
    this.bytes[this.#chunkAt + 2] = length >> 8
    this.bytes[this.#chunkAt + 3] = length
    while (this.#at % 4 !== 0) this.bytes[this.#at++] = 0
  }

  uint16(value: number): void {
    this.bytes[this.#at] = value >> 8
    this.bytes[this.#at + 1] = value
    this.#at += 2
  }

  uint32(value: number): void {
    this.bytes[this.#at] = value >>> 24
    this.bytes[this.#at + 1] = value >>> 16
    this.bytes[this.#at + 2] = value >>> 8
    this.bytes[this.#at + 3] = value
    this.#at += 4
  }

  /** Appends bytes `source[start … start + length)`. */
  copy(source: Uint8Array, start: number, length: number): void {
    for (let i = 0; i < length; i++) this.bytes[this.#at + i] = source[start + i]!
    this.#at += length
  }

  /** The packet, its checksum still zero; valid until the next `start`. */
  finish(): Uint8Array {
    let view = this.#views[this.#at]
    if (view === undefined) this.#views[this.#at] = view = this.bytes.subarray(0, this.#at)
    return view
  }
}
