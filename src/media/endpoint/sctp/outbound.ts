/**
 * The sending half of an SCTP association: queue, fragments, congestion control, loss recovery
 * (RFC 9260 §6.1–6.3, §7.2) and partial reliability (RFC 3758 §3.5).
 */
import { CongestionWindow, RoundTrip } from './congestion.js'
import {
  ChunkType,
  DATA_HEADER_BYTES,
  DataFlag,
  MAX_FRAGMENT_BYTES,
  type PacketWriter,
  readUint16,
  readUint32,
  SctpReason,
  tsnAfter,
  tsnDistance,
} from './packet.js'

/** Gap reports before a chunk counts as lost (§7.2.4). */
const MISSES_UNTIL_LOST = 3
/** What queueing a message costs beside its payload. */
const MESSAGE_COST = 64
/** Stream/SSN pairs of one FORWARD-TSN. */
const MAX_FORWARD_PAIRS = 250

export interface Reliability {
  ordered: boolean
  /** Undefined = no limit. */
  maxRetransmits?: number | undefined
  maxPacketLifeTimeMs?: number | undefined
}

interface Message {
  streamId: number
  ppid: number
  payload: Uint8Array
  ordered: boolean
  /** −1 = as often as it takes. */
  maxRetransmits: number
  expiresAtMs: number
  /** Bytes that have become chunks. */
  sentBytes: number
  ssn: number
  firstTsn: number
  chunks: number
}

interface OutChunk {
  tsn: number
  message: Message
  start: number
  length: number
  flags: number
  sentCount: number
  sentAtMs: number
  /** `flight`: on its way; `lost`: to be sent again; `acked`: by a gap block; `abandoned`: never again. */
  state: 'flight' | 'lost' | 'acked' | 'abandoned'
  misses: number
  /** Only a newly acknowledged TSN behind this one counts as a miss: it was sent after this chunk's last copy. */
  missesBehind: number
}

export class Outbound {
  #nextTsn: number
  #queue: Message[] = []
  #queueHead = 0
  /** Sent and not acknowledged cumulatively, in TSN order without holes; the first is at `#sentHead`. */
  #sent: OutChunk[] = []
  #sentHead = 0
  #lostCount = 0
  #flightBytes = 0
  #bufferedBytes = 0
  #nextSsn = new Map<number, number>()
  #cumulativeTsn: number
  /** RFC 3758 Advanced.Peer.Ack.Point. */
  #advancedTsn: number
  #forwardDue = false
  #partialReliability = false
  #peerWindowBytes = 0
  #window = new CongestionWindow()
  #recoveryExitTsn: number | undefined
  #highestNewlyAcked = 0
  /** One chunk may go out above cwnd when loss is found (§7.2.4). */
  #fastRetransmit = false
  #roundTrip = new RoundTrip()
  #retransmitAtMs = Number.POSITIVE_INFINITY
  /** Timeouts in a row without any SACK. */
  timeouts = 0

  constructor(initialTsn: number) {
    this.#nextTsn = initialTsn
    this.#cumulativeTsn = (initialTsn - 1) >>> 0
    this.#advancedTsn = this.#cumulativeTsn
  }

  /** What the peer said in INIT or INIT ACK. */
  start(peerWindowBytes: number, partialReliability: boolean): void {
    this.#peerWindowBytes = peerWindowBytes
    this.#partialReliability = partialReliability
  }

  get lastTsn(): number {
    return (this.#nextTsn - 1) >>> 0
  }
  get rtoMs(): number {
    return this.#roundTrip.rtoMs
  }
  /** Payload that is queued or not yet acknowledged, with a fixed cost per message. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }
  get deadline(): number {
    return this.#retransmitAtMs
  }

  enqueue(nowMs: number, streamId: number, ppid: number, payload: Uint8Array, reliability: Reliability): void {
    const lifeTimeMs = reliability.maxPacketLifeTimeMs
    this.#bufferedBytes += payload.length + MESSAGE_COST
    this.#queue.push({
      streamId,
      ppid,
      payload,
      ordered: reliability.ordered,
      maxRetransmits: reliability.maxRetransmits ?? -1,
      expiresAtMs: lifeTimeMs === undefined ? Number.POSITIVE_INFINITY : nowMs + lifeTimeMs,
      sentBytes: 0,
      ssn: 0,
      firstTsn: 0,
      chunks: 0,
    })
  }

  /** Drops what has not been sent on a stream; a message that is half sent is abandoned if the peer allows it. */
  discard(streamId: number): void {
    const kept: Message[] = []
    for (let i = this.#queueHead; i < this.#queue.length; i++) {
      const message = this.#queue[i]!
      const isBegun = message.sentBytes > 0
      if (message.streamId !== streamId || (isBegun && !this.#partialReliability)) kept.push(message)
      else if (isBegun) this.#abandon(message)
      else this.#bufferedBytes -= message.payload.length + MESSAGE_COST
    }
    this.#queue = kept
    this.#queueHead = 0
    this.#movePoint()
  }

  /** Whether nothing of the stream waits to be sent for the first time. */
  isDrained(streamId: number): boolean {
    for (let i = this.#queueHead; i < this.#queue.length; i++) {
      if (this.#queue[i]!.streamId === streamId) return false
    }
    return true
  }

  resetStream(streamId: number): void {
    this.#nextSsn.delete(streamId)
  }

  /** Appends FORWARD-TSN if due, then lost chunks, then new ones, as far as windows and the packet allow. */
  fill(nowMs: number, writer: PacketWriter): void {
    if (this.#forwardDue) this.#writeForward(nowMs, writer)
    if (this.#lostCount > 0 && !this.#fillLost(nowMs, writer)) return
    for (;;) {
      const message = this.#head(nowMs)
      if (message === undefined) return
      const room = writer.room - DATA_HEADER_BYTES
      const length = Math.min(message.payload.length - message.sentBytes, MAX_FRAGMENT_BYTES)
      if (length > room || !this.#maySend(length)) return
      this.#sendNext(nowMs, writer, message, length)
    }
  }

  #maySend(length: number): boolean {
    if (this.#flightBytes === 0) return true // §6.1 A: one chunk may always be on its way
    const windowLeft = this.#peerWindowBytes - this.#flightBytes
    return length <= windowLeft && this.#flightBytes + length <= this.#window.bytes
  }

  /** @returns false when there are lost chunks left that must go first */
  #fillLost(nowMs: number, writer: PacketWriter): boolean {
    for (let i = this.#sentHead; i < this.#sent.length && this.#lostCount > 0; i++) {
      const chunk = this.#sent[i]!
      if (chunk.state !== 'lost') continue
      if (this.#partialReliability && nowMs >= chunk.message.expiresAtMs) {
        this.#abandonQueued(chunk.message)
        continue
      }
      if (chunk.length + DATA_HEADER_BYTES > writer.room) return false
      const fits = this.#flightBytes === 0 || this.#flightBytes + chunk.length <= this.#window.bytes
      if (!fits && !this.#fastRetransmit) return false
      this.#fastRetransmit = false
      this.#lostCount--
      this.#write(nowMs, writer, chunk)
      if (i === this.#sentHead) this.#retransmitAtMs = nowMs + this.#roundTrip.rtoMs
    }
    return true
  }

  /** The message to send next; those whose time is up are dropped on the way. */
  #head(nowMs: number): Message | undefined {
    for (;;) {
      const message = this.#queue[this.#queueHead]
      if (message === undefined) {
        this.#queue = []
        this.#queueHead = 0
        return undefined
      }
      if (nowMs < message.expiresAtMs || !this.#partialReliability) return message
      if (message.sentBytes > 0) this.#abandonQueued(message)
      else {
        this.#bufferedBytes -= message.payload.length + MESSAGE_COST
        this.#dequeue()
      }
    }
  }

  #dequeue(): void {
    this.#queueHead++
    if (this.#queueHead > 64 && this.#queueHead * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#queueHead)
      this.#queueHead = 0
    }
  }

  #sendNext(nowMs: number, writer: PacketWriter, message: Message, length: number): void {
    let flags = message.ordered ? 0 : DataFlag.unordered
    if (message.sentBytes === 0) {
      flags |= DataFlag.begin
      message.firstTsn = this.#nextTsn
      if (message.ordered) {
        message.ssn = this.#nextSsn.get(message.streamId) ?? 0
        this.#nextSsn.set(message.streamId, (message.ssn + 1) & 0xffff)
      }
    }
    const start = message.sentBytes
    message.sentBytes += length
    message.chunks++
    if (message.sentBytes === message.payload.length) {
      flags |= DataFlag.end
      this.#dequeue()
    }
    const chunk: OutChunk = {
      tsn: this.#nextTsn,
      message,
      start,
      length,
      flags,
      sentCount: 0,
      sentAtMs: nowMs,
      state: 'flight',
      misses: 0,
      missesBehind: 0,
    }
    this.#nextTsn = (this.#nextTsn + 1) >>> 0
    this.#sent.push(chunk)
    this.#write(nowMs, writer, chunk)
    if (this.#retransmitAtMs === Number.POSITIVE_INFINITY) this.#retransmitAtMs = nowMs + this.#roundTrip.rtoMs
  }

  #write(nowMs: number, writer: PacketWriter, chunk: OutChunk): void {
    chunk.state = 'flight'
    chunk.sentCount++
    chunk.sentAtMs = nowMs
    chunk.misses = 0
    chunk.missesBehind = this.lastTsn
    this.#flightBytes += chunk.length
    writer.startChunk(ChunkType.data, chunk.flags)
    writer.uint32(chunk.tsn)
    writer.uint16(chunk.message.streamId)
    writer.uint16(chunk.message.ssn)
    writer.uint32(chunk.message.ppid)
    writer.copy(chunk.message.payload, chunk.start, chunk.length)
    writer.endChunk()
  }

  #at(tsn: number): OutChunk | undefined {
    const first = this.#sent[this.#sentHead]
    return first === undefined ? undefined : this.#sent[this.#sentHead + tsnDistance(tsn, first.tsn)]
  }

  /**
   * One SACK chunk at `at` (checked by `checkPacket`). Numbers that no honest peer sends make it ignored whole.
   * @returns `SctpReason.accepted`, or `SctpReason.sack`
   */
  receiveSack(nowMs: number, bytes: Uint8Array, at: number): number {
    const cumulativeTsn = readUint32(bytes, at + 4)
    const blocks = readUint16(bytes, at + 12)
    if (tsnAfter(cumulativeTsn, this.lastTsn)) return SctpReason.sack
    if (tsnAfter(this.#cumulativeTsn, cumulativeTsn)) return SctpReason.accepted // overtaken by a later one
    let previousEnd = 0
    for (let block = 0; block < blocks; block++) {
      const start = readUint16(bytes, at + 16 + block * 4)
      const end = readUint16(bytes, at + 18 + block * 4)
      if (start <= previousEnd || end < start) return SctpReason.sack
      previousEnd = end
    }
    if (previousEnd > tsnDistance(this.lastTsn, cumulativeTsn)) return SctpReason.sack

    const flightBefore = this.#flightBytes
    const isNew = cumulativeTsn !== this.#cumulativeTsn
    let ackedBytes = this.#acknowledgeUntil(nowMs, cumulativeTsn)
    this.timeouts = 0
    for (let block = 0; block < blocks; block++) {
      const start = cumulativeTsn + readUint16(bytes, at + 16 + block * 4)
      const end = cumulativeTsn + readUint16(bytes, at + 18 + block * 4)
      ackedBytes += this.#acknowledgeGap(nowMs, start >>> 0, end >>> 0)
    }
    if (blocks > 0) this.#countMisses(cumulativeTsn, previousEnd)
    this.#peerWindowBytes = readUint32(bytes, at + 8)
    if (isNew && this.#recoveryExitTsn === undefined) this.#window.acknowledged(ackedBytes, flightBefore)
    if (this.#recoveryExitTsn !== undefined && !tsnAfter(this.#recoveryExitTsn, cumulativeTsn)) {
      this.#recoveryExitTsn = undefined
    }
    if (this.#sentHead === this.#sent.length) this.#retransmitAtMs = Number.POSITIVE_INFINITY
    else if (isNew) this.#retransmitAtMs = nowMs + this.#roundTrip.rtoMs
    this.#movePoint()
    return SctpReason.accepted
  }

  #acknowledgeUntil(nowMs: number, cumulativeTsn: number): number {
    let ackedBytes = 0
    this.#highestNewlyAcked = this.#cumulativeTsn
    let rttSample: OutChunk | undefined
    while (this.#cumulativeTsn !== cumulativeTsn) {
      const chunk = this.#sent[this.#sentHead++]!
      this.#cumulativeTsn = chunk.tsn
      ackedBytes += this.#release(chunk)
      if (chunk.state === 'flight' && chunk.sentCount === 1) rttSample = chunk
      this.#bufferedBytes -= chunk.length + (chunk.flags & DataFlag.end ? MESSAGE_COST : 0)
      this.#highestNewlyAcked = chunk.tsn
    }
    if (rttSample !== undefined) this.#roundTrip.measure(nowMs - rttSample.sentAtMs)
    if (this.#sentHead === this.#sent.length) {
      this.#sent = []
      this.#sentHead = 0
    } else if (this.#sentHead > 256 && this.#sentHead * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#sentHead)
      this.#sentHead = 0
    }
    return ackedBytes
  }

  /** Takes a chunk out of flight or off the lost ones. @returns bytes that are acknowledged by that */
  #release(chunk: OutChunk): number {
    if (chunk.state === 'flight') this.#flightBytes -= chunk.length
    else if (chunk.state === 'lost') this.#lostCount--
    else return 0
    return chunk.length
  }

  #acknowledgeGap(nowMs: number, start: number, end: number): number {
    let ackedBytes = 0
    let rttSample: OutChunk | undefined
    for (let tsn = start; ; tsn = (tsn + 1) >>> 0) {
      const chunk = this.#at(tsn)
      if (chunk !== undefined && (chunk.state === 'flight' || chunk.state === 'lost')) {
        if (chunk.state === 'flight' && chunk.sentCount === 1) rttSample = chunk
        ackedBytes += this.#release(chunk)
        chunk.state = 'acked'
        this.#highestNewlyAcked = tsn
      }
      if (tsn === end) break
    }
    if (rttSample !== undefined) this.#roundTrip.measure(nowMs - rttSample.sentAtMs)
    return ackedBytes
  }

  /** §7.2.4: chunks before the highest newly acknowledged TSN that the peer does not have. */
  #countMisses(cumulativeTsn: number, lastGapEnd: number): void {
    let foundLoss = false
    const last = Math.min(this.#sent.length, this.#sentHead + lastGapEnd)
    for (let i = this.#sentHead; i < last; i++) {
      const chunk = this.#sent[i]!
      if (!tsnAfter(this.#highestNewlyAcked, chunk.tsn)) break
      if (chunk.state !== 'flight' || !tsnAfter(this.#highestNewlyAcked, chunk.missesBehind)) continue
      if (++chunk.misses < MISSES_UNTIL_LOST) continue
      this.#lose(chunk)
      foundLoss = true
    }
    if (!foundLoss || (this.#recoveryExitTsn !== undefined && tsnAfter(this.#recoveryExitTsn, cumulativeTsn))) return
    this.#window.lost()
    this.#recoveryExitTsn = this.lastTsn
    this.#fastRetransmit = true
  }

  #lose(chunk: OutChunk): void {
    this.#flightBytes -= chunk.length
    chunk.state = 'lost'
    this.#lostCount++
    const { maxRetransmits } = chunk.message
    if (this.#partialReliability && maxRetransmits >= 0 && chunk.sentCount > maxRetransmits) {
      this.#abandonQueued(chunk.message)
    }
  }

  /** The retransmission timer ran out (§6.3.3): everything that is out counts as lost. */
  expire(nowMs: number): void {
    if (nowMs < this.#retransmitAtMs) return
    this.timeouts++
    this.#roundTrip.backOff()
    this.#window.timedOut()
    this.#recoveryExitTsn = undefined
    let hasLost = false
    for (let i = this.#sentHead; i < this.#sent.length; i++) {
      const chunk = this.#sent[i]!
      if (chunk.state === 'flight') this.#lose(chunk)
      hasLost ||= chunk.state === 'lost'
    }
    this.#movePoint()
    this.#forwardDue ||= tsnAfter(this.#advancedTsn, this.#cumulativeTsn)
    if (!hasLost && !this.#forwardDue) this.#distrustGaps()
    this.#retransmitAtMs = nowMs + this.#roundTrip.rtoMs
  }

  /** The peer took back what its gap blocks said (§6.2.1 allows it): send it again. */
  #distrustGaps(): void {
    for (let i = this.#sentHead; i < this.#sent.length; i++) {
      const chunk = this.#sent[i]!
      if (chunk.state !== 'acked') continue
      chunk.state = 'lost'
      this.#lostCount++
    }
  }

  #abandonQueued(message: Message): void {
    if (this.#queue[this.#queueHead] === message) this.#dequeue()
    this.#abandon(message)
    this.#movePoint()
  }

  /** A3 of RFC 3758: none of its fragments is sent again; what was never sent is dropped. */
  #abandon(message: Message): void {
    for (let i = 0; i < message.chunks; i++) {
      const tsn = (message.firstTsn + i) >>> 0
      if (!tsnAfter(tsn, this.#cumulativeTsn)) continue
      const chunk = this.#at(tsn)!
      this.#release(chunk)
      chunk.state = 'abandoned'
    }
    if (message.sentBytes === message.payload.length) return
    this.#bufferedBytes -= message.payload.length - message.sentBytes + MESSAGE_COST
    message.sentBytes = message.payload.length
  }

  /** C1 and C2 of RFC 3758. */
  #movePoint(): void {
    const before = this.#advancedTsn
    if (tsnAfter(this.#cumulativeTsn, this.#advancedTsn)) this.#advancedTsn = this.#cumulativeTsn
    const limit = this.#cumulativeTsn + MAX_FORWARD_PAIRS
    for (;;) {
      const next = (this.#advancedTsn + 1) >>> 0
      if (tsnAfter(next, limit >>> 0) || this.#at(next)?.state !== 'abandoned') break
      this.#advancedTsn = next
    }
    if (this.#advancedTsn !== before && tsnAfter(this.#advancedTsn, this.#cumulativeTsn)) this.#forwardDue = true
  }

  #writeForward(nowMs: number, writer: PacketWriter): void {
    this.#forwardDue = false
    if (!tsnAfter(this.#advancedTsn, this.#cumulativeTsn)) return
    const skipped = new Map<number, number>()
    for (let tsn = (this.#cumulativeTsn + 1) >>> 0; !tsnAfter(tsn, this.#advancedTsn); tsn = (tsn + 1) >>> 0) {
      const message = this.#at(tsn)!.message
      if (message.ordered) skipped.set(message.streamId, message.ssn)
    }
    if (writer.room < 8 + skipped.size * 4) {
      this.#forwardDue = true
      return
    }
    writer.startChunk(ChunkType.forwardTsn, 0)
    writer.uint32(this.#advancedTsn)
    for (const [streamId, ssn] of skipped) {
      writer.uint16(streamId)
      writer.uint16(ssn)
    }
    writer.endChunk()
    if (this.#retransmitAtMs === Number.POSITIVE_INFINITY) this.#retransmitAtMs = nowMs + this.#roundTrip.rtoMs
  }
}
