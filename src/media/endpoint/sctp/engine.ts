/**
 * One SCTP association over DTLS (RFC 9260, RFC 8261): dispatch of chunks, timers and packets. `handshake.ts` sets it up. What
 * it sends and receives are messages on numbered streams; data channels are made of them in `association.ts`.
 *
 * Packets are built by `flush`, which the owner calls when it has handed over everything that it has, or by `expire`:
 * so what was said and received in one go leaves in as few packets as it fits in, with one SACK.
 */
import { readU16, readU32 } from '../../rtp/big-endian.js'
import { Handshake } from './handshake.js'
import { Heartbeat } from './heartbeat.js'
import type { SctpHost } from './host.js'
import { Inbound, MAX_STREAMS } from './inbound.js'
import { Outbound } from './outbound.js'
import {
  ChunkType,
  COMMON_HEADER_BYTES,
  checkPacket,
  DataFlag,
  maxPerPacket,
  PacketWriter,
  readInt32,
  SctpReason,
  tsnAfter,
} from './packet.js'
import { SackTimer } from './sack-timer.js'
import { NO_SENDER, type Reliability } from './send-queue.js'
import { MAX_ECHO_BYTES, type Peer } from './setup.js'
import { StreamReset } from './stream-reset.js'

/** Timeouts in a row before the peer counts as gone (RFC 9260 §16). */
const MAX_TIMEOUTS = 10

export interface SctpHandler {
  established(): void
  message(streamId: number, ppid: number, payload: Uint8Array): void
  /** A message on this stream exceeded the limit and was thrown away. */
  oversized(streamId: number): void
  /** The peer ended these streams of its own; an empty list means all. */
  peerReset(streamIds: number[]): void
  /** Our resets of these streams are through. */
  resetDone(streamIds: number[]): void
  /** The peer has begun anew (§5.2.2): streams, and whatever was queued, are gone. */
  restarted(): void
  /** The association ended by itself; once, and not after `close`. */
  failed(reason: string): void
}

export interface SctpEngineOptions {
  host: SctpHost
  /** Sends one packet, whose checksum is still to be put in; the bytes are valid during the call only. */
  transmit: (bytes: Uint8Array) => boolean
  nowMs: number
  /** Longest message that is taken. */
  maxMessageBytes: number
  /** First TSN that is sent; default: by chance. */
  initialTsn: number | undefined
}

/** All associations of the process take turns: `transmit` does not keep the bytes. */
const writer = new PacketWriter()

export class SctpEngine {
  readonly #host: SctpHost
  #transmit: (bytes: Uint8Array) => boolean
  #handler: SctpHandler
  #nowMs: number
  readonly #handshake: Handshake
  readonly #sack = new SackTimer()
  #maxMessageBytes: number
  #endedBy: 'shutdown' | undefined
  #inbound: Inbound
  #outbound: Outbound
  #resets: StreamReset
  #heartbeat: Heartbeat
  /** Chunks of the packet that is being received, by type; see `maxPerPacket`. */
  readonly #seen = new Uint16Array(256)
  /** Something was queued or received since the last `flush`. */
  #pending = false

  constructor(handler: SctpHandler, options: SctpEngineOptions) {
    const { host, transmit, nowMs, maxMessageBytes, initialTsn } = options
    this.#host = host
    this.#nowMs = nowMs
    this.#transmit = transmit
    this.#handler = handler
    this.#maxMessageBytes = maxMessageBytes
    this.#handshake = new Handshake(
      {
        transmit,
        adopted: (peer) => this.#adopted(peer),
        established: () => this.#established(),
        restarted: (peer) => this.#restarted(peer),
      },
      writer,
      host,
      initialTsn,
    )
    this.#inbound = this.#newInbound()
    this.#outbound = this.#newOutbound()
    this.#resets = this.#newResets()
    this.#heartbeat = new Heartbeat(nowMs, host)
  }

  #newInbound(): Inbound {
    return new Inbound(
      {
        deliver: (streamId, ppid, payload) => this.#deliver(streamId, ppid, payload),
        oversized: (streamId) => this.#oversized(streamId),
      },
      this.#maxMessageBytes,
    )
  }

  #newResets(): StreamReset {
    return new StreamReset(
      {
        receivedTsn: () => this.#inbound.cumulativeTsn,
        lastTsn: () => this.#outbound.lastTsn,
        isDrained: (streamId) => this.#outbound.isDrained(streamId),
        peerReset: (streamIds) => this.#peerReset(streamIds),
        resetDone: (streamIds) => this.#resetDone(streamIds),
      },
      this.#handshake.initialTsn,
      this.#host.counts,
    )
  }

  #newOutbound(): Outbound {
    return new Outbound(this.#handshake.initialTsn, this.#host.counts)
  }

  get hasEnded(): boolean {
    return this.#handshake.hasEnded
  }
  /** Streams that we may send on; before set-up what we hope for. */
  get streams(): number {
    return this.#handshake.peer?.streams ?? MAX_STREAMS
  }
  /** Payload that is queued or not yet acknowledged, with a fixed cost per message. */
  get bufferedBytes(): number {
    return this.#outbound.bufferedBytes
  }
  /** Payload that came and waits for what is missing before it, with a fixed cost per fragment. */
  get heldBytes(): number {
    return this.#inbound.heldBytes
  }
  /** The latest time that it was told. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Sends INIT, unless set-up is under way. */
  connect(): void {
    this.#handshake.connect(this.#nowMs, this.#outbound.rtoMs)
  }

  /**
   * Queues one message: 1 byte at least; it must not change afterwards.
   * @param sender for `discardFrom`; default: nobody's
   */
  send(
    nowMs: number,
    streamId: number,
    ppid: number,
    payload: Uint8Array,
    reliability: Reliability,
    sender = NO_SENDER,
  ): void {
    if (this.hasEnded) return
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    this.#outbound.enqueue(this.#nowMs, streamId, ppid, payload, reliability, sender)
    this.#pending = true
  }

  /** Drops what one sender has queued and what has not been begun. @returns how many messages */
  discardFrom(sender: string): number {
    // A reset may have waited for it.
    this.#pending = true
    return this.#outbound.discardFrom(sender)
  }

  /** Ends our direction of a stream; with `discard`, without what has not been sent yet. */
  reset(streamId: number, discard: boolean): void {
    if (this.hasEnded) return
    if (discard) this.#outbound.discard(streamId)
    this.#resets.reset(streamId)
    this.#pending = true
  }

  /** Drops what is queued on a stream that the peer turned out not to have: there is nothing to reset at its side. */
  giveUp(streamId: number): void {
    this.#outbound.discard(streamId)
    this.assumeReset(streamId)
  }

  /** The peer uses a stream again that we asked to reset: takes the reset as answered, without `resetDone`. */
  assumeReset(streamId: number): void {
    this.#resets.assumeDone(streamId)
    this.#outbound.resetStream(streamId)
  }

  /** Tells the peer (ABORT) and forgets everything; nothing is reported. Twice is harmless. */
  close(): void {
    if (this.hasEnded) return
    if (this.#handshake.peer !== undefined) this.#handshake.sendAlone(ChunkType.abort)
    this.#end()
  }

  #end(): void {
    this.#handshake.end()
    this.#forgetData()
  }

  /** Nothing received or queued is known any more. */
  #forgetData(): void {
    this.#sack.clear()
    this.#inbound = this.#newInbound()
    this.#outbound = this.#newOutbound()
    this.#resets = this.#newResets()
    this.#heartbeat = new Heartbeat(this.#nowMs, this.#host)
  }

  #fail(reason: string): void {
    if (this.hasEnded) return
    this.#end()
    this.#handler.failed(reason)
  }

  /** When `expire` has something to do, or Infinity; a time that is over while there is something to flush. */
  get deadlineMs(): number {
    if (this.hasEnded) return Number.POSITIVE_INFINITY
    if (!this.#handshake.isEstablished) return this.#handshake.deadlineMs
    if (this.#pending) return this.#nowMs
    return Math.min(
      this.#sack.deadlineMs,
      this.#outbound.deadlineMs,
      this.#resets.deadlineMs,
      this.#heartbeat.deadlineMs,
    )
  }

  /** Does what has become due: set-up and what was lost again, heartbeats, a delayed SACK. May end in `failed`. */
  expire(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    if (nowMs < this.deadlineMs) return
    if (!this.#handshake.expire(nowMs, this.#outbound.rtoMs)) return this.#fail('set-up timed out')
    this.#outbound.expire(nowMs)
    this.#resets.expire(nowMs)
    if (this.#handshake.isEstablished) this.#heartbeat.expire(nowMs)
    const timeouts = Math.max(this.#outbound.timeouts, this.#resets.timeouts, this.#heartbeat.timeouts)
    if (timeouts > MAX_TIMEOUTS) {
      this.#handshake.sendAlone(ChunkType.abort)
      return this.#fail('the peer does not answer')
    }
    this.#pending = true
    this.flush(nowMs)
  }

  /** One packet from the peer, as DTLS decrypted it, its checksum looked at. @returns one of `SctpReason`; what is not taken is counted */
  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): number {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    const reason = this.#receive(bytes, offset, length)
    if (reason !== SctpReason.accepted) this.#host.counts[reason]!++
    return reason
  }

  #receive(bytes: Uint8Array, offset: number, length: number): number {
    const checked = checkPacket(bytes, offset, length)
    if (checked !== SctpReason.accepted) return checked
    if (this.hasEnded) return this.#receiveLate(bytes, offset)
    const at = offset + COMMON_HEADER_BYTES
    if (bytes[at] === ChunkType.init) {
      const chunkLength = readU16(bytes, at + 2)
      const isAlone = COMMON_HEADER_BYTES + ((chunkLength + 3) & ~3) >= length
      if (readInt32(bytes, offset + 4) !== 0 || !isAlone) return SctpReason.tag
      return this.#handshake.receiveInit(bytes, at, chunkLength)
    }
    if (!this.#handshake.hasRightTag(bytes, offset)) return SctpReason.tag
    this.#heartbeat.heard(this.#nowMs)
    this.#pending = true
    return this.#receiveChunks(bytes, offset, length)
  }

  /** After the end: a peer whose SHUTDOWN was answered, but that did not hear it, is answered again (§9.2). */
  #receiveLate(bytes: Uint8Array, offset: number): number {
    const isShutdown = bytes[offset + COMMON_HEADER_BYTES] === ChunkType.shutdown
    if (this.#endedBy !== 'shutdown' || !isShutdown || !this.#handshake.hasRightTag(bytes, offset)) {
      return SctpReason.state
    }
    this.#handshake.sendAlone(ChunkType.shutdownAck)
    return SctpReason.accepted
  }

  #receiveChunks(bytes: Uint8Array, offset: number, length: number): number {
    const end = offset + length
    let result: number = SctpReason.accepted
    let hasData = false
    let isUrgent = false
    let at = offset + COMMON_HEADER_BYTES
    this.#seen.fill(0)
    while (at < end) {
      const type = bytes[at]!
      const chunkLength = readU16(bytes, at + 2)
      if (type === ChunkType.data || type === ChunkType.forwardTsn) hasData = true
      if (type === ChunkType.data && (bytes[at + 1]! & DataFlag.immediate) !== 0) isUrgent = true
      // COOKIE ECHO comes first (§5.1): its tag has been looked at.
      const isPlaced = type !== ChunkType.cookieEcho || at === offset + COMMON_HEADER_BYTES
      const isTaken = this.#seen[type]!++ < maxPerPacket[type]!
      let reason: number = isTaken ? SctpReason.chunk : SctpReason.repeated
      if (isTaken && isPlaced) reason = this.#receiveChunk(bytes, at, type, chunkLength)
      if (this.hasEnded) return reason
      if (reason !== SctpReason.accepted) result = reason
      // An unknown chunk without the high bit ends the packet (§3.2).
      if (type > ChunkType.shutdownComplete && type < 0x80) return SctpReason.chunk
      at += (chunkLength + 3) & ~3
    }
    if (hasData && this.#handshake.peer !== undefined) {
      this.#sack.received(this.#nowMs, isUrgent || this.#inbound.hasGaps || this.#inbound.hasDuplicates)
    }
    return result
  }

  #receiveChunk(bytes: Uint8Array, at: number, type: number, length: number): number {
    switch (type) {
      case ChunkType.initAck:
        return this.#handshake.receiveInitAck(this.#nowMs, this.#outbound.rtoMs, bytes, at, length)
      case ChunkType.cookieEcho:
        return this.#handshake.receiveCookieEcho(bytes, at, length)
      case ChunkType.cookieAck:
        return this.#handshake.receiveCookieAck()
      case ChunkType.abort:
        this.#fail('aborted by the peer')
        return SctpReason.accepted
      case ChunkType.init:
        return SctpReason.chunk
    }
    if (!this.#handshake.takesData) return SctpReason.state
    switch (type) {
      case ChunkType.data:
        return this.#inbound.receive(bytes, at, bytes[at + 1]!, length, readU32(bytes, at + 4))
      case ChunkType.sack:
        return this.#outbound.receiveSack(this.#nowMs, bytes, at)
      case ChunkType.forwardTsn:
        this.#inbound.forward(readU32(bytes, at + 4), bytes, at + 8, (length - 8) / 4)
        return SctpReason.accepted
      case ChunkType.reconfig:
        return this.#resets.receive(bytes, at, length) ? SctpReason.accepted : SctpReason.parameter
      case ChunkType.heartbeat:
        if (length <= MAX_ECHO_BYTES)
          this.#handshake.sendAlone(ChunkType.heartbeatAck, bytes.slice(at + 4, at + length))
        return SctpReason.accepted
      case ChunkType.heartbeatAck:
        return this.#receiveHeartbeatAck(bytes, at, length)
      case ChunkType.shutdown:
        return this.#receiveShutdown(readU32(bytes, at + 4))
    }
    // SHUTDOWN ACK and COMPLETE answer what we never send; ERROR and what is unknown says nothing of use.
    return type === ChunkType.shutdownAck || type === ChunkType.shutdownComplete
      ? SctpReason.state
      : SctpReason.accepted
  }

  #receiveHeartbeatAck(bytes: Uint8Array, at: number, length: number): number {
    const rttMs = this.#heartbeat.answered(this.#nowMs, bytes, at, length)
    if (rttMs === undefined) return SctpReason.state
    this.#outbound.measured(rttMs)
    return SctpReason.accepted
  }

  /** §9.2, without the wait for what is still on its way: a peer that leaves has no use for it. */
  #receiveShutdown(cumulativeTsn: number): number {
    if (tsnAfter(cumulativeTsn, this.#outbound.lastTsn)) return SctpReason.sack
    this.#handshake.sendAlone(ChunkType.shutdownAck)
    this.#endedBy = 'shutdown'
    this.#fail('shut down by the peer')
    return SctpReason.accepted
  }

  #deliver(streamId: number, ppid: number, payload: Uint8Array): void {
    if (!this.hasEnded) this.#handler.message(streamId, ppid, payload)
  }

  #oversized(streamId: number): void {
    if (!this.hasEnded) this.#handler.oversized(streamId)
  }

  #peerReset(streamIds: number[]): void {
    if (streamIds.length === 0) this.#inbound.resetAll()
    for (const streamId of streamIds) this.#inbound.resetStream(streamId)
    this.#handler.peerReset(streamIds)
  }

  #resetDone(streamIds: number[]): void {
    for (const streamId of streamIds) this.#outbound.resetStream(streamId)
    this.#handler.resetDone(streamIds)
  }

  #adopted(peer: Peer): void {
    this.#inbound.start(peer.initialTsn)
    this.#outbound.start(peer.windowBytes, peer.partialReliability)
    this.#resets.start(peer.initialTsn)
  }

  #established(): void {
    this.#pending = true
    this.#heartbeat.heard(this.#nowMs)
    this.#handler.established()
  }

  #restarted(peer: Peer): void {
    this.#forgetData()
    this.#adopted(peer)
    this.#handler.restarted()
  }

  /** Builds and sends packets until nothing more may go. */
  flush(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    const { peer, isEstablished } = this.#handshake
    if (!this.#pending || peer === undefined || !isEstablished) return
    this.#pending = false
    this.#outbound.beginBurst()
    // A delayed SACK goes along with a packet that goes anyway, unless it takes the room of what would go.
    while (this.#sendPacket(peer.tag, true) || this.#sendPacket(peer.tag, false));
  }

  /** A packet of whatever there is, control chunks first (§6.10). @returns false when there is nothing to send */
  #sendPacket(tag: number, withSack: boolean): boolean {
    writer.start(tag)
    const hasSack = withSack && this.#sack.isSet
    if (hasSack) this.#inbound.writeSack(writer)
    const roomBehindSack = writer.room
    this.#resets.fill(this.#nowMs, this.#outbound.rtoMs, writer)
    this.#heartbeat.fill(this.#nowMs, this.#outbound.rtoMs, writer)
    this.#outbound.fill(this.#nowMs, writer)
    if (writer.isEmpty || (hasSack && writer.room === roomBehindSack && this.#nowMs < this.#sack.deadlineMs))
      return false
    if (hasSack) {
      this.#inbound.sackSent()
      this.#sack.clear()
    }
    this.#transmit(writer.finish())
    return true
  }
}
