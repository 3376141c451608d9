/**
 * One SCTP association over DTLS (RFC 9260, RFC 8261): set-up, dispatch of chunks, timers and packets. What it
 * sends and receives are messages on numbered streams; data channels are made of them in `association.ts`.
 *
 *   closed ──connect──▶ cookie-wait ──INIT ACK──▶ cookie-echoed ──COOKIE ACK──▶ established
 *      └───────────── COOKIE ECHO of the peer, from any of these ──────────────────▶ ┘
 *
 * Both sides may begin at once. A peer that begins anew over the same DTLS gets a new association (§5.2.2).
 *
 * Packets are built by `flush`, which the owner calls when it has handed over everything that it has, or by `expire`:
 * so what was said and received in one go leaves in as few packets as it fits in, with one SACK.
 */
import { randomBytes } from 'node:crypto'
import { readU16, readU32 } from '../../rtp/big-endian.js'
import { Heartbeat } from './heartbeat.js'
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
  sctpCounts,
  tsnAfter,
} from './packet.js'
import { NO_SENDER, type Reliability } from './send-queue.js'
import { MAX_ECHO_BYTES, type Offer, Offers, type Peer, readPeer, writeInit } from './setup.js'
import { StreamReset } from './stream-reset.js'

/** Retransmissions of INIT or COOKIE ECHO, and timeouts in a row, before the peer counts as gone (RFC 9260 §16). */
const MAX_SETUP_RETRANSMITS = 8
const MAX_TIMEOUTS = 10
/** §6.2: at most 200 ms; every second packet is acknowledged at once. */
const SACK_DELAY_MS = 50
const MAX_SETUP_INTERVAL_MS = 8_000

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

/** All associations of the process take turns: `transmit` does not keep the bytes. */
const writer = new PacketWriter()

const randomTag = (): number => randomBytes(4).readInt32BE() || 1
/** So low that a billion chunks fit below 2^31, from where on a number that is handed on is an object on the heap. */
const randomTsn = (): number => randomBytes(4).readUInt32BE() >>> 2

export class SctpEngine {
  #transmit: (bytes: Uint8Array) => boolean
  #handler: SctpHandler
  #state: 'closed' | 'cookie-wait' | 'cookie-echoed' | 'established' | 'ended' = 'closed'
  #nowMs: number
  #localTag = randomTag()
  #initialTsn: number
  #peer: Peer | undefined
  readonly #offers = new Offers()
  #maxMessageBytes: number
  #setupAtMs = Number.POSITIVE_INFINITY
  #setupCount = 0
  #endedBy: 'shutdown' | undefined
  #sackAtMs = Number.POSITIVE_INFINITY
  #unackedPackets = 0
  #inbound: Inbound
  #outbound: Outbound
  #resets: StreamReset
  #heartbeat: Heartbeat
  /** Chunks of the packet that is being received, by type; see `maxPerPacket`. */
  readonly #seen = new Uint16Array(256)
  /** Something was queued or received since the last `flush`. */
  #pending = false

  constructor(
    nowMs: number,
    transmit: (bytes: Uint8Array) => boolean,
    handler: SctpHandler,
    maxMessageBytes: number,
    initialTsn = randomTsn(),
  ) {
    this.#nowMs = nowMs
    this.#transmit = transmit
    this.#handler = handler
    this.#maxMessageBytes = maxMessageBytes
    this.#initialTsn = initialTsn
    this.#inbound = this.#newInbound()
    this.#outbound = new Outbound(this.#initialTsn)
    this.#resets = this.#newResets()
    this.#heartbeat = new Heartbeat(nowMs)
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
      this.#initialTsn,
    )
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
  /** The latest time that it was told. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Sends INIT, unless set-up is under way. */
  connect(): void {
    if (this.#state !== 'closed') return
    this.#state = 'cookie-wait'
    this.#setupCount = 0
    this.#sendSetup()
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
    if (this.#state === 'ended') return
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    this.#outbound.enqueue(this.#nowMs, streamId, ppid, payload, reliability, sender)
    this.#pending = true
  }

  /** Drops what one sender has queued and what has not been begun. */
  discardFrom(sender: number): void {
    this.#outbound.discardFrom(sender)
    // A reset may have waited for it.
    this.#pending = true
  }

  /** Ends our direction of a stream; with `discard`, without what has not been sent yet. */
  reset(streamId: number, discard: boolean): void {
    if (this.#state === 'ended') return
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
    if (this.#state === 'ended') return
    if (this.#peer !== undefined) this.#sendAlone(ChunkType.abort)
    this.#end()
  }

  #end(): void {
    this.#state = 'ended'
    this.#setupAtMs = Number.POSITIVE_INFINITY
    this.#forgetData()
  }

  /** Nothing received or queued is known any more. */
  #forgetData(): void {
    this.#sackAtMs = Number.POSITIVE_INFINITY
    this.#unackedPackets = 0
    this.#inbound = this.#newInbound()
    this.#outbound = new Outbound(this.#initialTsn)
    this.#resets = this.#newResets()
    this.#heartbeat = new Heartbeat(this.#nowMs)
  }

  #fail(reason: string): void {
    if (this.#state === 'ended') return
    this.#end()
    this.#handler.failed(reason)
  }

  /** When `expire` has something to do, or Infinity; a time that is over while there is something to flush. */
  deadline(): number {
    if (this.#state === 'ended') return Number.POSITIVE_INFINITY
    if (this.#state !== 'established') return this.#setupAtMs
    if (this.#pending) return this.#nowMs
    return Math.min(this.#sackAtMs, this.#outbound.deadline, this.#resets.deadline, this.#heartbeat.deadline)
  }

  /** Does what has become due: set-up and what was lost again, heartbeats, a delayed SACK. May end in `failed`. */
  expire(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    if (nowMs < this.deadline()) return
    if (nowMs >= this.#setupAtMs) {
      if (++this.#setupCount > MAX_SETUP_RETRANSMITS) return this.#fail('set-up timed out')
      this.#sendSetup()
    }
    this.#outbound.expire(nowMs)
    this.#resets.expire(nowMs)
    if (this.#state === 'established') this.#heartbeat.expire(nowMs)
    const timeouts = Math.max(this.#outbound.timeouts, this.#resets.timeouts, this.#heartbeat.timeouts)
    if (timeouts > MAX_TIMEOUTS) {
      this.#sendAlone(ChunkType.abort)
      return this.#fail('the peer does not answer')
    }
    this.#pending = true
    this.flush(nowMs)
  }

  /** One packet from the peer, as DTLS decrypted it, its checksum looked at. @returns one of `SctpReason`; what is not taken is counted */
  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): number {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    const reason = this.#receive(bytes, offset, length)
    if (reason !== SctpReason.accepted) sctpCounts[reason]!++
    return reason
  }

  #receive(bytes: Uint8Array, offset: number, length: number): number {
    const checked = checkPacket(bytes, offset, length)
    if (checked !== SctpReason.accepted) return checked
    if (this.#state === 'ended') return this.#receiveLate(bytes, offset)
    const first = bytes[offset + COMMON_HEADER_BYTES]!
    const chunkLength = readU16(bytes, offset + COMMON_HEADER_BYTES + 2)
    const isAlone = COMMON_HEADER_BYTES + ((chunkLength + 3) & ~3) >= length
    const tag = readInt32(bytes, offset + 4)
    if (first === ChunkType.init) {
      if (tag !== 0 || !isAlone) return SctpReason.tag
      return this.#receiveInit(bytes, offset + COMMON_HEADER_BYTES, chunkLength)
    }
    // ABORT of a peer that does not know us any more carries its own tag and the T bit (§8.5.1).
    const isReflected = first === ChunkType.abort && (bytes[offset + COMMON_HEADER_BYTES + 1]! & 1) === 1
    // What a cookie stands for has the tag that came with it (§5.2.4, 3).
    const isEcho = first === ChunkType.cookieEcho
    const offered = isEcho ? this.#offers.take(bytes, offset + COMMON_HEADER_BYTES, chunkLength) : undefined
    if (tag !== (isReflected ? this.#peer?.tag : (offered?.localTag ?? this.#localTag))) return SctpReason.tag
    this.#heartbeat.heard(this.#nowMs)
    this.#pending = true
    return this.#receiveChunks(bytes, offset, length)
  }

  /** After the end: a peer whose SHUTDOWN was answered, but that did not hear it, is answered again (§9.2). */
  #receiveLate(bytes: Uint8Array, offset: number): number {
    const isShutdown = bytes[offset + COMMON_HEADER_BYTES] === ChunkType.shutdown
    if (this.#endedBy !== 'shutdown' || !isShutdown || readInt32(bytes, offset + 4) !== this.#localTag) {
      return SctpReason.state
    }
    this.#sendAlone(ChunkType.shutdownAck)
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
    if (hasData && this.#peer !== undefined) this.#scheduleSack(isUrgent)
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
        return this.#inbound.receive(bytes, at, bytes[at + 1]!, length, readU32(bytes, at + 4))
      case ChunkType.sack:
        return this.#outbound.receiveSack(this.#nowMs, bytes, at)
      case ChunkType.forwardTsn:
        this.#inbound.forward(readU32(bytes, at + 4), bytes, at + 8, (length - 8) / 4)
        return SctpReason.accepted
      case ChunkType.reconfig:
        return this.#resets.receive(bytes, at, length) ? SctpReason.accepted : SctpReason.parameter
      case ChunkType.heartbeat:
        if (length <= MAX_ECHO_BYTES) this.#sendAlone(ChunkType.heartbeatAck, bytes.slice(at + 4, at + length))
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
    this.#sendAlone(ChunkType.shutdownAck)
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

  #receiveInit(bytes: Uint8Array, at: number, length: number): number {
    const peer = readPeer(bytes, at, length)
    if (peer === undefined) return SctpReason.parameter
    const isUp = this.#state === 'established'
    // Of the association that is there: a copy that took its time.
    if (isUp && this.#isCurrent(peer)) return SctpReason.accepted
    // One that is there goes on until the cookie comes back: the new one gets numbers of its own.
    const offer = isUp
      ? this.#offers.make(peer, randomTag(), randomTsn())
      : this.#offers.make(peer, this.#localTag, this.#initialTsn)
    writer.start(peer.tag)
    writeInit(writer, offer.localTag, offer.initialTsn, offer.cookie)
    this.#transmit(writer.finish())
    return SctpReason.accepted
  }

  #isCurrent(peer: Peer): boolean {
    return this.#peer?.tag === peer.tag && this.#peer.initialTsn === peer.initialTsn
  }

  #receiveInitAck(bytes: Uint8Array, at: number, length: number): number {
    if (this.#state !== 'cookie-wait') return SctpReason.accepted // a repeated answer
    const peer = readPeer(bytes, at, length)
    if (peer?.cookie === undefined) return SctpReason.parameter
    this.#adopt(peer)
    this.#state = 'cookie-echoed'
    this.#setupCount = 0
    this.#sendSetup()
    return SctpReason.accepted
  }

  #receiveCookieEcho(bytes: Uint8Array, at: number, length: number): number {
    const offered = this.#offers.take(bytes, at, length)
    if (offered === undefined) return SctpReason.state
    if (this.#peer === undefined) this.#adopt(offered.peer)
    else if (!this.#isCurrent(offered.peer)) this.#restart(offered)
    this.#sendAlone(ChunkType.cookieAck)
    if (this.#state !== 'established') this.#establish()
    return SctpReason.accepted
  }

  /** §5.2.4 A and B: the peer's new association takes the place of the one before. */
  #restart({ peer, localTag, initialTsn }: Offer): void {
    this.#localTag = localTag
    this.#initialTsn = initialTsn
    this.#forgetData()
    this.#adopt(peer)
    this.#handler.restarted()
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
    this.#pending = true
    this.#heartbeat.heard(this.#nowMs)
    this.#handler.established()
  }

  #scheduleSack(isUrgent: boolean): void {
    this.#unackedPackets++
    const isDue = isUrgent || this.#unackedPackets >= 2 || this.#inbound.hasGaps || this.#inbound.hasDuplicates
    if (isDue) this.#sackAtMs = this.#nowMs
    else this.#sackAtMs = Math.min(this.#sackAtMs, this.#nowMs + SACK_DELAY_MS)
  }

  /** INIT or COOKIE ECHO, whichever set-up waits for the answer of. */
  #sendSetup(): void {
    this.#setupAtMs = this.#nowMs + Math.min(this.#outbound.rtoMs * 2 ** this.#setupCount, MAX_SETUP_INTERVAL_MS)
    if (this.#state === 'cookie-echoed') return this.#sendAlone(ChunkType.cookieEcho, this.#peer?.cookie)
    writer.start(0)
    writeInit(writer, this.#localTag, this.#initialTsn)
    this.#transmit(writer.finish())
  }

  /** A packet with one chunk. */
  #sendAlone(type: number, body?: Uint8Array): void {
    writer.start(this.#peer?.tag ?? 0)
    writer.startChunk(type, 0)
    if (body !== undefined) writer.copy(body, 0, body.length)
    writer.endChunk()
    this.#transmit(writer.finish())
  }

  /** Builds and sends packets until nothing more may go. */
  flush(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
    if (!this.#pending || this.#peer === undefined || this.#state !== 'established') return
    this.#pending = false
    this.#outbound.beginBurst()
    // A delayed SACK goes along with a packet that goes anyway, unless it takes the room of what would go.
    while (this.#sendPacket(this.#peer.tag, true) || this.#sendPacket(this.#peer.tag, false));
  }

  /** A packet of whatever there is, control chunks first (§6.10). @returns false when there is nothing to send */
  #sendPacket(tag: number, withSack: boolean): boolean {
    writer.start(tag)
    const hasSack = withSack && this.#sackAtMs !== Number.POSITIVE_INFINITY
    if (hasSack) this.#inbound.writeSack(writer)
    const roomBehindSack = writer.room
    this.#resets.fill(this.#nowMs, this.#outbound.rtoMs, writer)
    this.#heartbeat.fill(this.#nowMs, this.#outbound.rtoMs, writer)
    this.#outbound.fill(this.#nowMs, writer)
    if (writer.isEmpty || (hasSack && writer.room === roomBehindSack && this.#nowMs < this.#sackAtMs)) return false
    if (hasSack) {
      this.#inbound.sackSent()
      this.#sackAtMs = Number.POSITIVE_INFINITY
      this.#unackedPackets = 0
    }
    this.#transmit(writer.finish())
    return true
  }
}
