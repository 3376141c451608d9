/**
 * The sending half of an SCTP association: fragments, acknowledgements and retransmission (RFC 9260 §6.1–6.3, §7.2) and
 * partial reliability (RFC 3758 §3.5). `loss-detection.ts` says what is lost.
 */
import { readU16, readU32 } from '../../rtp/big-endian.js'
import { CongestionWindow, RoundTrip } from './congestion.js'
import { Chunk, ChunkState, Flight } from './flight.js'
import { ForwardPoint } from './forward-point.js'
import { LossDetection } from './loss-detection.js'
import {
  ChunkType,
  DATA_HEADER_BYTES,
  DataFlag,
  MAX_FRAGMENT_BYTES,
  type PacketWriter,
  SctpReason,
  tsnAfter,
  tsnDistance,
} from './packet.js'
import { MESSAGE_COST, type Message, NO_SENDER, type Reliability, recycle, SendQueue } from './send-queue.js'

/** Chunks on their way at most: a peer that withholds the first makes us look at all of them with each SACK. */
const MAX_FLIGHT_CHUNKS = 4096
/** Chunks shorter than that are not made of a long message, to fill a packet. */
const MIN_FRAGMENT_BYTES = MAX_FRAGMENT_BYTES / 2

export class Outbound {
  readonly #queue = new SendQueue()
  readonly #counts: Float64Array
  readonly #flight: Flight
  readonly #forward: ForwardPoint
  #lostCount = 0
  /** No chunk before this TSN is lost. */
  #lostFrom = 0
  #flightBytes = 0
  #bufferedBytes = 0
  #partialReliability = false
  #peerWindowBytes = 0
  readonly #window = new CongestionWindow()
  readonly #roundTrip = new RoundTrip()
  readonly #losses: LossDetection
  #retransmitAtMs = Number.POSITIVE_INFINITY
  #emptySinceMs = Number.POSITIVE_INFINITY
  #wantsSackNow = false
  readonly #dropUnsent = (message: Message): void => {
    this.#bufferedBytes -= message.payload.length + MESSAGE_COST
    recycle(message)
  }
  readonly #dropOfClosed = (message: Message): void => {
    this.#countClosed(message)
    this.#dropUnsent(message)
  }
  /** Timeouts since the last SACK, whatever it said: they lengthen the next one. */
  #backOff = 0
  /**
   * Timeouts since the cumulative TSN moved (RFC 9260 §8.1), or the peer said that it has no room for a chunk (§6.1 A): then it
   * is slow, not gone. Gap blocks may be taken back (§6.2.1), so a peer cannot live on them for ever.
   */
  timeouts = 0

  /** @param counts in the order of `sctpReasonNames` */
  constructor(initialTsn: number, counts: Float64Array) {
    this.#counts = counts
    this.#flight = new Flight(initialTsn)
    this.#forward = new ForwardPoint(this.#flight)
    const lose = (nowMs: number, tsn: number) => this.#lose(nowMs, tsn)
    this.#losses = new LossDetection(this.#flight, this.#window, this.#roundTrip, lose)
  }

  /** What the peer said in INIT or INIT ACK. */
  start(peerWindowBytes: number, partialReliability: boolean): void {
    this.#peerWindowBytes = peerWindowBytes
    this.#partialReliability = partialReliability
  }

  get lastTsn(): number {
    return (this.#flight.next - 1) >>> 0
  }
  get rtoMs(): number {
    return this.#roundTrip.rtoMs
  }
  /** Payload that is queued or not yet acknowledged, with a fixed cost per message. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return Math.min(this.#retransmitAtMs, this.#losses.deadlineMs)
  }
  get #cumulativeTsn(): number {
    return (this.#flight.first - 1) >>> 0
  }

  /** Queues one message, as `SendQueue.add` takes it. `payload` is kept, not copied. */
  enqueue(
    nowMs: number,
    streamId: number,
    ppid: number,
    payload: Uint8Array,
    reliability: Reliability,
    sender: string,
  ): void {
    this.#bufferedBytes += payload.length + MESSAGE_COST
    this.#queue.add(nowMs, streamId, ppid, payload, reliability, sender)
  }

  /** Drops what one sender has queued; a message that has been begun is finished. @returns how many were dropped */
  discardFrom(sender: string): number {
    return this.#queue.discardFrom(sender, this.#dropUnsent)
  }

  /** Drops and counts what has not been sent on a stream; a message that is half sent is abandoned if the peer allows it. */
  discard(streamId: number): void {
    const begun = this.#queue.discard(streamId, !this.#partialReliability, this.#dropOfClosed)
    if (begun !== undefined) {
      this.#countClosed(begun)
      this.#abandon(begun)
    }
    this.#forward.move()
  }

  /** Our own messages, which open channels, are no loss to anybody. */
  #countClosed({ sender }: Message): void {
    if (sender !== NO_SENDER) this.#counts[SctpReason.closed]!++
  }

  /** Whether nothing of the stream waits to be sent for the first time. */
  isDrained(streamId: number): boolean {
    return this.#queue.isDrained(streamId)
  }

  /** The stream begins at sequence number 0 again (RFC 6525 §5.2.7). */
  resetStream(streamId: number): void {
    this.#queue.reset(streamId)
  }

  /** Another round trip was measured, by a heartbeat. */
  measured(rttMs: number): void {
    if (this.#flight.size === 0) this.#losses.forget()
    this.#roundTrip.measure(rttMs)
  }

  /** Packets are about to be filled, for as long as there is something to put in. */
  beginBurst(): void {
    this.#window.beginBurst(this.#flightBytes)
  }

  /** Appends FORWARD-TSN if due, then lost chunks, then new ones, as far as windows and the packet allow. */
  fill(nowMs: number, writer: PacketWriter): void {
    if (this.#forward.isDue && this.#forward.write(writer)) this.#expectSack(nowMs)
    if (this.#lostCount > 0 && !this.#fillLost(nowMs, writer)) return
    for (;;) {
      const message = this.#next(nowMs)
      if (message === undefined) {
        this.#window.wasFull = false
        return
      }
      const room = writer.room - DATA_HEADER_BYTES
      let length = message.payload.length - message.sentBytes
      // What needs several chunks anyway fills the packet; what fits in one stays in one.
      if (length > MAX_FRAGMENT_BYTES) length = room < MIN_FRAGMENT_BYTES ? MAX_FRAGMENT_BYTES : room
      if (length > room || !this.#maySend(nowMs, length)) return
      this.#sendNext(nowMs, writer, message, length)
    }
  }

  #maySend(nowMs: number, length: number): boolean {
    if (this.#flight.size >= MAX_FLIGHT_CHUNKS) return false
    if (this.#emptySinceMs !== Number.POSITIVE_INFINITY) {
      this.#window.idle(nowMs - this.#emptySinceMs, this.#roundTrip.rtoMs)
      this.#emptySinceMs = Number.POSITIVE_INFINITY
    }
    if (this.#flightBytes === 0) return true // §6.1 A: one chunk may always be on its way
    if (length > this.#peerWindowBytes - this.#flightBytes || length > this.#window.burstBytes) return false
    this.#window.wasFull = this.#flightBytes + length > this.#window.bytes
    return !this.#window.wasFull
  }

  /** @returns false when there are lost chunks left that must go first */
  #fillLost(nowMs: number, writer: PacketWriter): boolean {
    const flight = this.#flight
    if (tsnAfter(flight.first, this.#lostFrom)) this.#lostFrom = flight.first
    for (; this.#lostCount > 0 && flight.has(this.#lostFrom); this.#lostFrom = (this.#lostFrom + 1) >>> 0) {
      const tsn = this.#lostFrom
      if (flight.get(tsn, Chunk.state) !== ChunkState.lost) continue
      const message = flight.message(tsn)
      if (this.#partialReliability && nowMs >= message.expiresAtMs) {
        this.#giveUp(message)
        continue
      }
      const length = flight.get(tsn, Chunk.length)
      if (length + DATA_HEADER_BYTES > writer.room) return false
      const fits = this.#flightBytes === 0 || this.#flightBytes + length <= this.#window.bytes
      if (!fits && !this.#losses.mayExceedWindow) {
        this.#window.wasFull = true
        return false
      }
      if (length > this.#window.burstBytes && this.#flightBytes > 0) return false
      this.#lostCount--
      this.#losses.sentAgain(tsn)
      this.#write(nowMs, writer, tsn)
      if (tsn === flight.first) this.#retransmitAtMs = nowMs + this.#roundTrip.backedOffMs(this.#backOff)
    }
    return true
  }

  /** The message to send next; those whose time is up are dropped on the way. */
  #next(nowMs: number): Message | undefined {
    for (;;) {
      const message = this.#queue.next()
      if (message === undefined || !this.#partialReliability) return message
      if (message.sentBytes > 0) {
        if (nowMs < message.expiresAtMs) return message
        this.#giveUp(message)
      } else {
        if (nowMs < message.beginByMs) return message
        this.#counts[SctpReason.late]!++
        this.#queue.remove(message)
        this.#dropUnsent(message)
      }
    }
  }

  #sendNext(nowMs: number, writer: PacketWriter, message: Message, length: number): void {
    let flags: number = message.ordered ? 0 : DataFlag.unordered
    const start = message.sentBytes
    if (start === 0) {
      flags |= DataFlag.begin
      message.firstTsn = this.#flight.next
    }
    if (this.#queue.sent(message, length)) flags |= DataFlag.end
    const tsn = this.#flight.add(message, start, length, flags)
    this.#write(nowMs, writer, tsn)
    this.#expectSack(nowMs)
  }

  #expectSack(nowMs: number): void {
    if (this.#retransmitAtMs === Number.POSITIVE_INFINITY)
      this.#retransmitAtMs = nowMs + this.#roundTrip.backedOffMs(this.#backOff)
  }

  #write(nowMs: number, writer: PacketWriter, tsn: number): void {
    const flight = this.#flight
    const message = flight.message(tsn)
    const length = flight.get(tsn, Chunk.length)
    flight.set(tsn, Chunk.state, ChunkState.inFlight)
    flight.set(tsn, Chunk.sentCount, flight.get(tsn, Chunk.sentCount) + 1)
    flight.set(tsn, Chunk.misses, 0)
    flight.set(tsn, Chunk.missesBehind, this.lastTsn)
    flight.setSentAtMs(tsn, nowMs)
    this.#flightBytes += length
    this.#window.burstBytes -= length
    const flags = flight.get(tsn, Chunk.flags) | (this.#wantsSackNow ? DataFlag.immediate : 0)
    this.#wantsSackNow = false
    writer.startChunk(ChunkType.data, flags)
    writer.uint32(tsn)
    writer.uint16(message.stream.id)
    writer.uint16(message.ssn)
    writer.uint32(message.ppid)
    writer.copy(message.payload, flight.get(tsn, Chunk.start), length)
    writer.endChunk()
  }

  /**
   * One SACK chunk at `at` (checked by `checkPacket`). Numbers that no honest peer sends make it ignored whole.
   * @returns `SctpReason.accepted`, or `SctpReason.sack`
   */
  receiveSack(nowMs: number, bytes: Uint8Array, at: number): number {
    const cumulativeTsn = readU32(bytes, at + 4)
    const blocks = readU16(bytes, at + 12)
    if (tsnAfter(cumulativeTsn, this.lastTsn)) return SctpReason.sack
    if (tsnAfter(this.#cumulativeTsn, cumulativeTsn)) return SctpReason.accepted // overtaken by a later one
    let previousEnd = 0
    for (let block = 0; block < blocks; block++) {
      const start = readU16(bytes, at + 16 + block * 4)
      const end = readU16(bytes, at + 18 + block * 4)
      if (start <= previousEnd || end < start) return SctpReason.sack
      previousEnd = end
    }
    if (previousEnd > tsnDistance(this.lastTsn, cumulativeTsn)) return SctpReason.sack

    const isNew = cumulativeTsn !== this.#cumulativeTsn
    let ackedBytes = this.#acknowledge(nowMs, cumulativeTsn)
    this.#backOff = 0
    for (let block = 0; block < blocks; block++) {
      const start = cumulativeTsn + readU16(bytes, at + 16 + block * 4)
      const end = cumulativeTsn + readU16(bytes, at + 18 + block * 4)
      ackedBytes += this.#acknowledgeGap(nowMs, start >>> 0, end >>> 0)
    }
    const wasRecovering = this.#losses.isRecovering
    this.#losses.cumulativelyAcknowledged(cumulativeTsn)
    this.#losses.readDuplicates(bytes, at + 16 + blocks * 4, readU16(bytes, at + 14))
    if (blocks > 0) this.#losses.countMisses(nowMs, (cumulativeTsn + previousEnd) >>> 0)
    this.#peerWindowBytes = readU32(bytes, at + 8)
    if (isNew || this.#peerWindowBytes < MAX_FRAGMENT_BYTES) this.timeouts = 0
    this.#window.acknowledged(ackedBytes)
    if (isNew && !wasRecovering) this.#window.grow(ackedBytes)
    if (this.#flight.size === 0) {
      this.#retransmitAtMs = Number.POSITIVE_INFINITY
      if (isNew) this.#emptySinceMs = nowMs
    } else if (isNew) this.#retransmitAtMs = nowMs + this.#roundTrip.backedOffMs(this.#backOff)
    this.#forward.move()
    return SctpReason.accepted
  }

  /** Everything up to `cumulativeTsn`, which is one that was sent, has arrived. @returns bytes acknowledged by that */
  #acknowledge(nowMs: number, cumulativeTsn: number): number {
    const flight = this.#flight
    let ackedBytes = 0
    let sampleAtMs = -1
    this.#losses.begin(this.#cumulativeTsn)
    while (this.#cumulativeTsn !== cumulativeTsn) {
      const tsn = flight.first
      const message = flight.message(tsn)
      const isSample = flight.get(tsn, Chunk.state) === ChunkState.inFlight && flight.get(tsn, Chunk.sentCount) === 1
      if (isSample) sampleAtMs = flight.sentAtMs(tsn)
      this.#losses.acknowledged(nowMs, tsn, false)
      ackedBytes += this.#release(tsn)
      const isEnd = (flight.get(tsn, Chunk.flags) & DataFlag.end) !== 0
      this.#bufferedBytes -= flight.get(tsn, Chunk.length) + (isEnd ? MESSAGE_COST : 0)
      flight.shift()
      if (--message.unacked === 0 && message.sentBytes === message.payload.length) recycle(message)
    }
    if (sampleAtMs >= 0) this.#roundTrip.measure(nowMs - sampleAtMs)
    return ackedBytes
  }

  /** Takes a chunk out of flight or off the lost ones. @returns bytes that are acknowledged by that */
  #release(tsn: number): number {
    const state = this.#flight.get(tsn, Chunk.state)
    const length = this.#flight.get(tsn, Chunk.length)
    if (state === ChunkState.inFlight) this.#flightBytes -= length
    else if (state === ChunkState.lost) this.#lostCount--
    else return 0
    return length
  }

  #acknowledgeGap(nowMs: number, start: number, end: number): number {
    const flight = this.#flight
    let ackedBytes = 0
    let sampleAtMs = -1
    for (let tsn = start; ; tsn = (tsn + 1) >>> 0) {
      const state = flight.get(tsn, Chunk.state)
      if (state === ChunkState.inFlight || state === ChunkState.lost) {
        if (state === ChunkState.inFlight && flight.get(tsn, Chunk.sentCount) === 1) sampleAtMs = flight.sentAtMs(tsn)
        this.#losses.acknowledged(nowMs, tsn, true)
        ackedBytes += this.#release(tsn)
        flight.set(tsn, Chunk.state, ChunkState.acked)
      } else if (state === ChunkState.abandoned) this.#losses.noteArrival(nowMs, tsn, true)
      if (tsn === end) break
    }
    if (sampleAtMs >= 0) this.#roundTrip.measure(nowMs - sampleAtMs)
    return ackedBytes
  }

  /** A chunk in flight is lost: it waits to be sent again, unless its message is not worth that. */
  #lose(nowMs: number, tsn: number): void {
    const flight = this.#flight
    this.#flightBytes -= flight.get(tsn, Chunk.length)
    this.#markLost(tsn)
    const message = flight.message(tsn)
    const { maxRetransmits } = message
    const isGivenUp =
      this.#partialReliability && maxRetransmits >= 0 && flight.get(tsn, Chunk.sentCount) > maxRetransmits
    this.#losses.lost(tsn, isGivenUp)
    if (!isGivenUp) return
    flight.set(tsn, Chunk.givenUpAsLost, 1)
    flight.setSentAtMs(tsn, nowMs)
    this.#giveUp(message)
  }

  #markLost(tsn: number): void {
    this.#flight.set(tsn, Chunk.state, ChunkState.lost)
    if (this.#lostCount === 0 || tsnAfter(this.#lostFrom, tsn)) this.#lostFrom = tsn
    this.#lostCount++
  }

  /** What was overtaken and has not come is lost; and if the retransmission timer ran out (§6.3.3), everything that is out. */
  expire(nowMs: number): void {
    this.#losses.expire(nowMs)
    if (nowMs < this.#retransmitAtMs) return
    const flight = this.#flight
    // §6.1 A: what a peer without room did not take says nothing about the path.
    this.#losses.timedOut(this.#backOff === 0, this.#peerWindowBytes > 0)
    this.timeouts++
    this.#backOff++
    this.#wantsSackNow = true
    for (let tsn = flight.first; tsn !== flight.next; tsn = (tsn + 1) >>> 0) {
      if (flight.get(tsn, Chunk.state) === ChunkState.inFlight) this.#lose(nowMs, tsn)
    }
    this.#forward.move()
    this.#forward.repeat()
    if (this.#lostCount === 0 && !this.#forward.isDue) this.#distrustGaps()
    this.#retransmitAtMs = nowMs + this.#roundTrip.backedOffMs(this.#backOff)
  }

  /** The peer took back what its gap blocks said (§6.2.1 allows it): send it again. */
  #distrustGaps(): void {
    const flight = this.#flight
    for (let tsn = flight.first; tsn !== flight.next; tsn = (tsn + 1) >>> 0) {
      if (flight.get(tsn, Chunk.state) === ChunkState.acked) this.#markLost(tsn)
    }
  }

  #giveUp(message: Message): void {
    if (this.#queue.isBegun(message)) this.#queue.remove(message)
    this.#abandon(message)
    this.#forward.move()
  }

  /** A3 of RFC 3758: none of its fragments is sent again; what was never sent is dropped. */
  #abandon(message: Message): void {
    const flight = this.#flight
    for (let i = 0; i < message.chunks; i++) {
      const tsn = (message.firstTsn + i) >>> 0
      if (!flight.has(tsn)) continue
      this.#release(tsn)
      flight.set(tsn, Chunk.state, ChunkState.abandoned)
    }
    if (message.sentBytes === message.payload.length) return
    this.#bufferedBytes -= message.payload.length - message.sentBytes + MESSAGE_COST
    message.sentBytes = message.payload.length
    if (message.unacked === 0) recycle(message)
  }
}
