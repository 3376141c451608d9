/**
 * What both ends tell each other before data flows (RFC 9260 §3.3.2, §3.3.3).
 *
 * ```
 * +---------------+---------------+-------------------------------+
 * | 1 INIT, 2 ACK |       0       |  length                       |
 * |  initiate tag: verification tag of what is sent to its writer |
 * |  advertised receiver window in bytes                          |
 * |  outbound streams             |  inbound streams              |
 * |  initial TSN                                                  |
 * |  parameters: 0xC000 FORWARD-TSN supported, 0x8008 extensions, |
 * |              7 state cookie (INIT ACK) …                      |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU16, readU32, writeU32 } from '../../rtp/big-endian.js'
import type { SctpHost } from './host.js'
import { MAX_STREAMS, RECEIVE_WINDOW_BYTES } from './inbound.js'
import {
  ChunkType,
  COMMON_HEADER_BYTES,
  checkPacket,
  type PacketWriter,
  ParameterType,
  readInt32,
  SctpReason,
} from './packet.js'

/** Longest cookie and heartbeat that go back to the peer. */
export const MAX_ECHO_BYTES = 1024
const COOKIE_BYTES = 16
/** §3.3.2: a peer with less room than that cannot take a packet. */
const MIN_WINDOW_BYTES = 1500

export interface Peer {
  /** Tags here are what `readInt32` reads. */
  tag: number
  initialTsn: number
  windowBytes: number
  /** Streams that we may send on. */
  streams: number
  partialReliability: boolean
  /** State cookie of an INIT ACK; an INIT has none. */
  cookie: Uint8Array | undefined
}

/** What an INIT was answered with. */
export interface Offer {
  peer: Peer
  cookie: Uint8Array
  localTag: number
  initialTsn: number
}

/** The last INIT of the peer: state that the cookie stands for, and does not carry, since DTLS has let nobody else in. */
export class Offers {
  readonly #host: SctpHost
  #last: Offer | undefined

  constructor(host: SctpHost) {
    this.#host = host
  }

  /** A copy of the last INIT gets the same answer. */
  make(peer: Peer, localTag: number, initialTsn: number): Offer {
    const last = this.#last
    if (last !== undefined && last.peer.tag === peer.tag && last.peer.initialTsn === peer.initialTsn) return last
    this.#last = { peer, cookie: this.#newCookie(), localTag, initialTsn }
    return this.#last
  }

  #newCookie(): Uint8Array {
    const cookie = new Uint8Array(COOKIE_BYTES)
    for (let at = 0; at < COOKIE_BYTES; at += 4) writeU32(cookie, at, this.#host.random())
    return cookie
  }

  /** @returns what the COOKIE ECHO at `at` takes up, or undefined when that is nothing we offered last */
  take(bytes: Uint8Array, at: number, length: number): Offer | undefined {
    const last = this.#last
    if (last === undefined || length !== 4 + COOKIE_BYTES) return undefined
    return last.cookie.every((byte, i) => byte === bytes[at + 4 + i]) ? last : undefined
  }
}

/** Whether a packet is what a peer begins with: an INIT, without a tag (RFC 9260 §8.5.1 A). */
export function beginsAssociation(bytes: Uint8Array, offset: number, length: number): boolean {
  if (checkPacket(bytes, offset, length) !== SctpReason.accepted) return false
  return bytes[offset + COMMON_HEADER_BYTES] === ChunkType.init && readInt32(bytes, offset + 4) === 0
}

/** What INIT and INIT ACK say, or undefined when it is nothing an honest peer says. */
export function readPeer(bytes: Uint8Array, at: number, length: number): Peer | undefined {
  const tag = readInt32(bytes, at + 4)
  const windowBytes = readU32(bytes, at + 8)
  const outboundStreams = readU16(bytes, at + 12)
  const inboundStreams = readU16(bytes, at + 14)
  if (tag === 0 || outboundStreams === 0 || inboundStreams === 0 || windowBytes < MIN_WINDOW_BYTES) return undefined
  const peer: Peer = {
    tag,
    windowBytes,
    streams: Math.min(inboundStreams, MAX_STREAMS),
    initialTsn: readU32(bytes, at + 16),
    partialReliability: false,
    cookie: undefined,
  }
  for (let parameter = at + 20; parameter < at + length; ) {
    const type = readU16(bytes, parameter)
    const parameterLength = readU16(bytes, parameter + 2)
    if (type === ParameterType.forwardTsnSupported) peer.partialReliability = true
    if (type === ParameterType.stateCookie && parameterLength > 4 && parameterLength <= MAX_ECHO_BYTES) {
      peer.cookie = bytes.slice(parameter + 4, parameter + parameterLength)
    }
    parameter += (parameterLength + 3) & ~3
  }
  return peer
}

/** Appends INIT, or INIT ACK with its cookie. */
export function writeInit(writer: PacketWriter, tag: number, initialTsn: number, cookie?: Uint8Array): void {
  writer.startChunk(cookie === undefined ? ChunkType.init : ChunkType.initAck, 0)
  writer.uint32(tag)
  writer.uint32(RECEIVE_WINDOW_BYTES)
  writer.uint16(MAX_STREAMS)
  writer.uint16(MAX_STREAMS)
  writer.uint32(initialTsn)
  writer.uint16(ParameterType.forwardTsnSupported)
  writer.uint16(4)
  writer.uint16(ParameterType.supportedExtensions)
  writer.uint16(6)
  writer.uint16((ChunkType.reconfig << 8) | ChunkType.forwardTsn)
  writer.uint16(0)
  if (cookie !== undefined) {
    writer.uint16(ParameterType.stateCookie)
    writer.uint16(4 + cookie.length)
    writer.copy(cookie, 0, cookie.length)
  }
  writer.endChunk()
}
