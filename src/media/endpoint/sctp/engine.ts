/**
 * One SCTP association over DTLS (RFC 9260, RFC 8261): set-up, dispatch of chunks, timers and packets. What it
 * sends and receives are messages on numbered streams; data channels are made of them in `association.ts`.
 *
 *   closed ──connect──▶ cookie-wait ──INIT ACK──▶ cookie-echoed ──COOKIE ACK──▶ established
 *      └───────────── COOKIE ECHO of the peer, from any of these ──────────────────▶ ┘
 *
 * Both sides may begin at once. INIT of an established peer is ignored: a peer that lost its state has lost DTLS too.
 */
import { randomBytes } from 'node:crypto'
import { Inbound, MAX_STREAMS, RECEIVE_WINDOW_BYTES } from './inbound.js'
import { Outbound, type Reliability } from './outbound.js'
import {
  ChunkType,
  COMMON_HEADER_BYTES,
  checkPacket,
  PacketWriter,
  ParameterType,
  readUint16,
  readUint32,
  SctpReason,
  sctpCounts,
} from './packet.js'
import { StreamReset } from './stream-reset.js'

/** Retransmissions of INIT or COOKIE ECHO, and timeouts in a row, before the peer counts as gone (RFC 9260 §16). */
const MAX_SETUP_RETRANSMITS = 8
const MAX_TIMEOUTS = 10
/** §6.2: at most 200 ms; every second packet is acknowledged at once. */
const SACK_DELAY_MS = 50
const MAX_SETUP_INTERVAL_MS = 8_000
const COOKIE_BYTES = 16
/** Longest cookie and heartbeat that go back to the peer. */
const MAX_ECHO_BYTES = 1024

export interface SctpHandler {
  established(): void
  message(streamId: number, ppid: number, payload: Uint8Array): void
  /** A message on this stream exceeded the limit and was thrown away. */
  oversized(streamId: number): void
  /** The peer ended these streams of its own; an empty list means all. */
  peerReset(streamIds: number[]): void
  /** Our resets of these streams are through. */
  resetDone(streamIds: number[]): void
  /** The association ended by itself; once, and not after `close`. */
  failed(reason: string): void
}

interface Peer {
  tag: number
  initialTsn: number
  windowBytes: number
  /** Streams that we may send on. */
  streams: number
  partialReliability: boolean
  /** Of an INIT ACK. */
  cookie: Uint8Array | undefined
}

/** All associations of the process take turns: `transmit` does not keep the bytes. */
const writer = new PacketWriter()

export class SctpEngine {
  #transmit: (bytes: Uint8Array) => boolean
  #handler: SctpHandler
  #state: 'closed' | 'cookie-wait' | 'cookie-echoed' | 'established' | 'ended' = 'closed'
  #nowMs: number
  #localTag = (randomBytes(4).readUInt32BE() || 1) >>> 0
  #initialTsn = randomBytes(4).readUInt32BE()
  #peer: Peer | undefined
  /** What the peer said in its last INIT, and the cookie we answered with. */
  #offered: { peer: Peer; cookie: Uint8Array } | undefined
  #setupAtMs = Number.POSITIVE_INFINITY
  #setupCount = 0
  #sackAtMs = Number.POSITIVE_INFINITY
  #unackedPackets = 0
  #inbound: Inbound
  #outbound: Outbound
  #resets: StreamReset
  #flushing = false
  #receiving = false

  /** @param nowMs the time until `receive` or `expire` brings a later one */
  constructor(nowMs: number, transmit: (bytes: Uint8Array) => boolean, handler: SctpHandler, maxMessageBytes: number) {
    this.#nowMs = nowMs
    this.#transmit = transmit
    this.#handler = handler
    this.#inbound = new Inbound(
      {
        deliver: (streamId, ppid, payload) => this.#deliver(streamId, ppid, payload),
        oversized: (streamId) => this.#oversized(streamId),
      },
      maxMessageBytes,
    )
    this.#outbound = new Outbound(this.#initialTsn)
    this.#resets = new StreamReset(
      {
        receivedTsn: () => this.#inbound.cumulativeTsn,
        lastTsn: () => this.#outbound.lastTsn,
        isDrained: (streamId) => this.#outbound.isDrained(streamId),
        peerReset: (streamIds) => this.#peerReset(streamIds),
        resetDone: (streamIds) => this.#resetDone(streamIds),
      },
      this.#initialTsn,
    )
  }

  get isEstablished(): boolean {
    return this.#state === 'established'
  }
  get hasEnded(): boolean {
    return this.#state === 'ended'
  }
  /** Streams that we may send on; before set-up what we hope for. */
  get streams(): number {
    return this.#peer?.streams ?? MAX_STREAMS
  }
  /** Payload that is queued or not yet acknowledged, with a fixed cost per message. */
  get bufferedBytes(): number {
    return this.#outbound.bufferedBytes
  }
  /** Payload received and not yet delivered, with a fixed cost per chunk. */
  get heldBytes(): number {
    return this.#inbound.heldBytes
  }

  /** Sends INIT, unless set-up is under way. */
  connect(): void {
    if (this.#state !== 'closed') return
    this.#state = 'cookie-wait'
    this.#setupCount = 0
    this.#sendSetup()
  }

  /** Queues one message (1 byte at least; it must not change afterwards) and sends what may go. */
  send(streamId: number, ppid: number, payload: Uint8Array, reliability: Reliability): void {
    if (this.#state === 'ended') return
    this.#outbound.enqueue(this.#nowMs, streamId, ppid, payload, reliability)
    this.#flush()
  }

  /** Ends our direction of a stream; with `discard`, without what has not been sent yet. */
  reset(streamId: number, discard: boolean): void {
    if (this.#state === 'ended') return
    if (discard) this.#outbound.discard(streamId)
    this.#resets.reset(streamId)
    this.#flush()
  }

  /** The peer uses a stream again that we asked to reset: takes the reset as answered, without `resetDone`. */
  assumeReset(streamId: number): void {
    this.#resets.assumeDone(streamId)
    this.#outbound.resetStream(streamId)
  }

  /** Tells the peer (ABORT) and forgets everything; nothing is reported. Twice is harmless. */
  close(): void {
    if (this.#state === 'ended') return
    if (this.#peer !== undefined) this.#sendAlone(ChunkType.abort)
    this.#end()
  }

  #end(): void {
    this.#state = 'ended'
    this.#setupAtMs = Number.POSITIVE_INFINITY
    this.#sackAtMs = Number.POSITIVE_INFINITY
    this.#inbound = new Inbound({ deliver() {}, oversized() {} }, 0)
    this.#outbound = new Outbound(0)
  }

  #fail(reason: string): void {
    if (this.#state === 'ended') return
    this.#end()
    this.#handler.failed(reason)
  }

  deadline(): number {
    if (this.#state === 'ended') return Number.POSITIVE_INFINITY
    if (this.#state !== 'established') return this.#setupAtMs
    return Math.min(this.#sackAtMs, this.#outbound.deadline, this.#resets.deadline)
  }

  expire(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    if (nowMs < this.deadline()) return
    if (nowMs >= this.#setupAtMs) {
      if (++this.#setupCount > MAX_SETUP_RETRANSMITS) return this.#fail('set-up timed out')
      this.#sendSetup()
    }
    this.#outbound.expire(nowMs)
    this.#resets.expire(nowMs)
    if (this.#outbound.timeouts > MAX_TIMEOUTS || this.#resets.timeouts > MAX_TIMEOUTS) {
      this.#sendAlone(ChunkType.abort)
      return this.#fail('the peer does not answer')
    }
    this.#flush()
  }

  /** One packet from the peer, as DTLS decrypted it. @returns one of `SctpReason`; what is not taken is counted */
  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): number {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    const reason = this.#receive(bytes, offset, length)
    if (reason !== SctpReason.accepted) sctpCounts[reason]!++
    return reason
  }

  #receive(bytes: Uint8Array, offset: number, length: number): number {
    if (this.#state === 'ended') return SctpReason.state
    const checked = checkPacket(bytes, offset, length)
    if (checked !== SctpReason.accepted) return checked
    const first = bytes[offset + COMMON_HEADER_BYTES]!
    const chunkLength = readUint16(bytes, offset + COMMON_HEADER_BYTES + 2)
    const isAlone = COMMON_HEADER_BYTES + ((chunkLength + 3) & ~3) >= length
    const tag = readUint32(bytes, offset + 4)
    if (first === ChunkType.init) {
      if (tag !== 0 || !isAlone) return SctpReason.tag
      return this.#receiveInit(bytes, offset + COMMON_HEADER_BYTES, chunkLength)
    }
    // ABORT of a peer that does not know us any more carries its own tag and the T bit (§8.5.1).
    const isReflected = first === ChunkType.abort && (bytes[offset + COMMON_HEADER_BYTES + 1]! & 1) === 1
    if (tag !== (isReflected ? this.#peer?.tag : this.#localTag)) return SctpReason.tag
    this.#receiving = true
    try {
      return this.#receiveChunks(bytes, offset, length)
    } finally {
      this.#receiving = false
      this.#flush()
    }
  }

  #receiveChunks(bytes: Uint8Array, offset: number, length: number): number {
    const end = offset + length
    let result: number = SctpReason.accepted
    let hasData = false
    let at = offset + COMMON_HEADER_BYTES
    while (at < end) {
      const type = bytes[at]!
      const chunkLength = readUint16(bytes, at + 2)
      if (type === ChunkType.data || type === ChunkType.forwardTsn) hasData = true
      const reason = this.#receiveChunk(bytes, at, type, chunkLength)
      if (this.hasEnded) return reason
      if (reason !== SctpReason.accepted) result = reason
      // An unknown chunk without the high bit ends the packet (§3.2).
      if (type > ChunkType.shutdownComplete && type < 0x80) return SctpReason.chunk
      at += (chunkLength + 3) & ~3
    }
    if (hasData && this.#peer !== undefined) this.#scheduleSack()
    return result
  }

  #receiveChunk(bytes: Uint8Array, at: number, type: number, length: number): number {
    switch (type) {
      case ChunkType.initAck:
        return this.#receiveInitAck(bytes, at, length)
      case ChunkType.cookieEcho:
        return this.#receiveCookieEcho(bytes, at, length)
      case ChunkType.cookieAck:
        if (this.#state !== 'cookie-echoed') return SctpReason.accepted
        this.#establish()
        return SctpReason.accepted
      case ChunkType.abort:
        this.#fail('aborted by the peer')
        return SctpReason.accepted
      case ChunkType.init:
        return SctpReason.chunk
    }
    if (this.#state !== 'established' && this.#state !== 'cookie-echoed') return SctpReason.state
    switch (type) {
      case ChunkType.data:
        return this.#inbound.receive(bytes, at, bytes[at + 1]!, length, readUint32(bytes, at + 4))
      case ChunkType.sack:
        return this.#outbound.receiveSack(this.#nowMs, bytes, at)
      case ChunkType.forwardTsn:
        this.#inbound.forward(readUint32(bytes, at + 4), bytes, at + 8, (length - 8) / 4)
        return SctpReason.accepted
      case ChunkType.reconfig:
        return this.#resets.receive(bytes, at, length) ? SctpReason.accepted : SctpReason.parameter
      case ChunkType.heartbeat:
        if (length <= MAX_ECHO_BYTES) this.#sendAlone(ChunkType.heartbeatAck, bytes.slice(at + 4, at + length))
        return SctpReason.accepted
      case ChunkType.shutdown:
      case ChunkType.shutdownAck:
        this.#sendAlone(type === ChunkType.shutdown ? ChunkType.shutdownAck : ChunkType.shutdownComplete)
        this.#fail('shut down by the peer')
        return SctpReason.accepted
    }
    return SctpReason.accepted
  }

  #deliver(streamId: number, ppid: number, payload: Uint8Array): void {
    if (!this.hasEnded) this.#handler.message(streamId, ppid, payload)
  }

  #oversized(streamId: number): void {
    if (!this.hasEnded) this.#handler.oversized(streamId)
  }

  #peerReset(streamIds: number[]): void {
    const all = streamIds.length > 0 ? streamIds : Array.from({ length: MAX_STREAMS }, (_, streamId) => streamId)
    for (const streamId of all) this.#inbound.resetStream(streamId)
    this.#handler.peerReset(streamIds)
  }

  #resetDone(streamIds: number[]): void {
    for (const streamId of streamIds) this.#outbound.resetStream(streamId)
    this.#handler.resetDone(streamIds)
  }

  /** What INIT and INIT ACK say, or undefined when it is nothing an honest peer says (§3.3.2). */
  #readPeer(bytes: Uint8Array, at: number, length: number): Peer | undefined {
    const tag = readUint32(bytes, at + 4)
    const outboundStreams = readUint16(bytes, at + 12)
    const inboundStreams = readUint16(bytes, at + 14)
    if (tag === 0 || outboundStreams === 0 || inboundStreams === 0) return undefined
    const peer: Peer = {
      tag,
      windowBytes: readUint32(bytes, at + 8),
      streams: Math.min(inboundStreams, MAX_STREAMS),
      initialTsn: readUint32(bytes, at + 16),
      partialReliability: false,
      cookie: undefined,
    }
    for (let parameter = at + 20; parameter < at + length; ) {
      const type = readUint16(bytes, parameter)
      const parameterLength = readUint16(bytes, parameter + 2)
      if (type === ParameterType.forwardTsnSupported) peer.partialReliability = true
      if (type === ParameterType.stateCookie && parameterLength <= MAX_ECHO_BYTES) {
        peer.cookie = bytes.slice(parameter + 4, parameter + parameterLength)
      }
      parameter += (parameterLength + 3) & ~3
    }
    return peer
  }

  #receiveInit(bytes: Uint8Array, at: number, length: number): number {
    if (this.#state === 'established') return SctpReason.state
    const peer = this.#readPeer(bytes, at, length)
    if (peer === undefined) return SctpReason.parameter
    const known = this.#offered
    const isRepeated = known !== undefined && known.peer.tag === peer.tag && known.peer.initialTsn === peer.initialTsn
    const cookie = isRepeated ? known.cookie : randomBytes(COOKIE_BYTES)
    this.#offered = { peer, cookie }
    writer.start(peer.tag)
    this.#writeInit(ChunkType.initAck, cookie)
    this.#transmit(writer.finish())
    return SctpReason.accepted
  }

  #receiveInitAck(bytes: Uint8Array, at: number, length: number): number {
    if (this.#state !== 'cookie-wait') return SctpReason.accepted // a repeated answer
    const peer = this.#readPeer(bytes, at, length)
    if (peer?.cookie === undefined) return SctpReason.parameter
    this.#adopt(peer)
    this.#state = 'cookie-echoed'
    this.#setupCount = 0
    this.#sendSetup()
    return SctpReason.accepted
  }

  #receiveCookieEcho(bytes: Uint8Array, at: number, length: number): number {
    const offered = this.#offered
    if (offered === undefined || length !== 4 + COOKIE_BYTES) return SctpReason.state
    if (!offered.cookie.every((byte, i) => byte === bytes[at + 4 + i])) return SctpReason.state
    if (this.#state !== 'established') {
      if (this.#peer === undefined) this.#adopt(offered.peer)
      else if (this.#peer.tag !== offered.peer.tag) return SctpReason.tag
    }
    this.#sendAlone(ChunkType.cookieAck)
    if (this.#state !== 'established') this.#establish()
    return SctpReason.accepted
  }

  #adopt(peer: Peer): void {
    this.#peer = peer
    this.#inbound.start(peer.initialTsn)
    this.#outbound.start(peer.windowBytes, peer.partialReliability)
    this.#resets.start(peer.initialTsn)
  }

  #establish(): void {
    this.#state = 'established'
    this.#setupAtMs = Number.POSITIVE_INFINITY
    this.#handler.established()
  }

  #scheduleSack(): void {
    this.#unackedPackets++
    if (this.#unackedPackets >= 2 || this.#inbound.hasGaps) this.#sackAtMs = this.#nowMs
    else this.#sackAtMs = Math.min(this.#sackAtMs, this.#nowMs + SACK_DELAY_MS)
  }

  /** INIT or COOKIE ECHO, whichever set-up waits for the answer of. */
  #sendSetup(): void {
    this.#setupAtMs = this.#nowMs + Math.min(this.#outbound.rtoMs * 2 ** this.#setupCount, MAX_SETUP_INTERVAL_MS)
    if (this.#state === 'cookie-echoed') return this.#sendAlone(ChunkType.cookieEcho, this.#peer?.cookie)
    writer.start(0)
    this.#writeInit(ChunkType.init, undefined)
    this.#transmit(writer.finish())
  }

  #writeInit(type: number, cookie: Uint8Array | undefined): void {
    writer.startChunk(type, 0)
    writer.uint32(this.#localTag)
    writer.uint32(RECEIVE_WINDOW_BYTES)
    writer.uint16(MAX_STREAMS)
    writer.uint16(MAX_STREAMS)
    writer.uint32(this.#initialTsn)
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

  /** A packet with one chunk. */
  #sendAlone(type: number, body?: Uint8Array): void {
    writer.start(this.#peer?.tag ?? 0)
    writer.startChunk(type, 0)
    if (body !== undefined) writer.copy(body, 0, body.length)
    writer.endChunk()
    this.#transmit(writer.finish())
  }

  /** Builds and sends packets until nothing more may go. While a packet is being read it waits for the rest of it. */
  #flush(): void {
    if (this.#flushing || this.#receiving || this.#peer === undefined || this.#state !== 'established') return
    this.#flushing = true
    for (;;) {
      writer.start(this.#peer.tag)
      if (this.#nowMs >= this.#sackAtMs) this.#writeSack()
      this.#resets.fill(this.#nowMs, this.#outbound.rtoMs, writer)
      const hadRoom = writer.room
      this.#outbound.fill(this.#nowMs, writer)
      if (writer.isEmpty) break
      // A packet that goes anyway takes a delayed SACK along.
      if (writer.room < hadRoom && this.#sackAtMs !== Number.POSITIVE_INFINITY && writer.room >= 16) this.#writeSack()
      this.#transmit(writer.finish())
    }
    this.#flushing = false
  }

  #writeSack(): void {
    this.#inbound.writeSack(writer)
    this.#sackAtMs = Number.POSITIVE_INFINITY
    this.#unackedPackets = 0
  }
}
