/**
 * The receiving half of an SCTP association (RFC 9260 §6.2, §6.5, §6.9; RFC 3758 §3.6): which TSNs have arrived,
 * reassembly, and delivery in stream order. Everything it holds is bounded.
 *
 * All fragments of a message have consecutive TSNs, so fragments are joined as the cumulative TSN passes them and
 * at most one message is ever half-joined. Whole messages go up as soon as their stream order allows, whatever TSNs
 * are missing.
 */
import { readU16, readU32 } from '../../rtp/big-endian.js'
import { ChunkType, DataFlag, type PacketWriter, SctpReason, ssnAfter, tsnAfter, tsnDistance } from './packet.js'

/** Bytes we offer to hold; several of the longest messages. */
export const RECEIVE_WINDOW_BYTES = 1024 * 1024
/** Streams we let the peer use; browsers never use more. */
export const MAX_STREAMS = 1024
/** TSNs further ahead of the cumulative one are not taken. */
const MAX_TSN_LEAD = 8192
const MAX_RANGES = 200
const MAX_DUPLICATES = 16
/** More than one chunk and what it costs to hold one. */
const MAX_NEXT_BYTES = 65_536
const MIN_JOINED_BYTES = 2048
/** What holding a chunk costs beside its payload: an object, an array and an entry in a map, about. */
const HOLD_COST = 256
const NOTHING = new Uint8Array(0)

export interface InboundOwner {
  /** One whole message; `payload` belongs to the receiver. */
  deliver(streamId: number, ppid: number, payload: Uint8Array): void
  /** A message grew past the limit; it was thrown away. */
  oversized(streamId: number): void
}

interface Fragment {
  flags: number
  streamId: number
  ssn: number
  ppid: number
  payload: Uint8Array
}

interface Stream {
  nextSsn: number
  /** Whole ordered messages that wait for an earlier one, by SSN. */
  waiting: Map<number, Fragment> | undefined
  /** Number of the last FORWARD-TSN that named this stream: a second mention in the same chunk is ignored. */
  forwardedBy: number
}

export class Inbound {
  #owner: InboundOwner
  #maxMessageBytes: number
  #cumulativeTsn = 0
  /** What has arrived beyond the cumulative TSN: disjoint, ascending. */
  #ranges: { start: number; end: number }[] = []
  #duplicates: number[] = []
  /** Fragments beyond the cumulative TSN. */
  #fragments = new Map<number, Fragment>()
  /** First fragment of the message being joined, without its payload. */
  #joining: Fragment | undefined
  /** What it has so far; −1 while an oversized one is skipped. */
  #joinedBytes = 0
  /** Where it is put together: grows with it, so that fragments however short cost no more than what is in them. */
  #joined = NOTHING
  #streams = new Map<number, Stream>()
  #heldBytes = 0
  #forwardCount = 0

  constructor(owner: InboundOwner, maxMessageBytes: number) {
    this.#owner = owner
    this.#maxMessageBytes = maxMessageBytes
  }

  /** What the peer said in INIT or INIT ACK: its first TSN. */
  start(initialTsn: number): void {
    this.#cumulativeTsn = (initialTsn - 1) >>> 0
  }

  get cumulativeTsn(): number {
    return this.#cumulativeTsn
  }

  get hasGaps(): boolean {
    return this.#ranges.length > 0
  }

  /** Something came twice since the last SACK. */
  get hasDuplicates(): boolean {
    return this.#duplicates.length > 0
  }

  /** Payload of fragments and messages that wait for others, with a fixed cost for each. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** One DATA chunk whose header is at `at` (checked by `checkPacket`). @returns one of `SctpReason` */
  receive(bytes: Uint8Array, at: number, flags: number, length: number, tsn: number): number {
    const lead = tsnDistance(tsn, this.#cumulativeTsn)
    if (lead === 0 || lead >= 0x80000000) {
      this.#noteDuplicate(tsn)
      return SctpReason.accepted
    }
    // The next in line always finds room in an honest peer's case: beside what came too early, only the message being joined grows.
    const limit = lead === 1 ? RECEIVE_WINDOW_BYTES + this.#maxMessageBytes + MAX_NEXT_BYTES : RECEIVE_WINDOW_BYTES
    if (lead > MAX_TSN_LEAD || this.#heldBytes + length > limit) return SctpReason.window
    if (lead > 1) {
      if (this.#ranges.length >= MAX_RANGES) return SctpReason.window
      if (!this.#insert(tsn)) {
        this.#noteDuplicate(tsn)
        return SctpReason.accepted
      }
    }
    const fragment = this.#readable(bytes, at, flags, length)
    if (lead === 1) {
      this.#cumulativeTsn = tsn
      this.#pass(fragment)
      this.#advance()
    } else if (fragment !== undefined) {
      this.#fragments.set(tsn, fragment)
      this.#heldBytes += fragment.payload.length + HOLD_COST
    }
    return SctpReason.accepted
  }

  /** Delivers a whole message, or returns a fragment of one. */
  #readable(bytes: Uint8Array, at: number, flags: number, length: number): Fragment | undefined {
    const streamId = readU16(bytes, at + 8)
    const ssn = readU16(bytes, at + 10)
    const ppid = readU32(bytes, at + 12)
    const payload = bytes.slice(at + 16, at + length)
    if (this.#isNext(flags, streamId, ssn)) {
      this.#upload(streamId, ppid, payload)
      return undefined
    }
    const fragment = { flags, streamId, ssn, ppid, payload }
    if ((flags & 3) !== (DataFlag.begin | DataFlag.end)) return fragment
    this.#arrived(fragment)
    return undefined
  }

  /** The common case: a whole message that waits for nothing, and for which nothing waits. Takes its place in the order. */
  #isNext(flags: number, streamId: number, ssn: number): boolean {
    if ((flags & 3) !== (DataFlag.begin | DataFlag.end)) return false
    if (flags & DataFlag.unordered) return true
    const stream = this.#stream(streamId)
    if (stream === undefined || ssn !== stream.nextSsn || (stream.waiting?.size ?? 0) > 0) return false
    stream.nextSsn = (ssn + 1) & 0xffff
    return true
  }

  /** Whole messages: up at once if unordered, else in stream order. */
  #arrived(message: Fragment): void {
    if (message.flags & DataFlag.unordered) return this.#deliver(message)
    const stream = this.#stream(message.streamId)
    if (stream === undefined) return
    if (message.ssn === stream.nextSsn) {
      stream.nextSsn = (stream.nextSsn + 1) & 0xffff
      this.#deliver(message)
      this.#deliverWaiting(stream)
    } else if (ssnAfter(message.ssn, stream.nextSsn)) {
      stream.waiting ??= new Map()
      if (stream.waiting.has(message.ssn)) return
      stream.waiting.set(message.ssn, message)
      this.#heldBytes += message.payload.length + HOLD_COST
    }
  }

  #deliver(message: Fragment): void {
    this.#upload(message.streamId, message.ppid, message.payload)
  }

  #upload(streamId: number, ppid: number, payload: Uint8Array): void {
    if (payload.length > this.#maxMessageBytes) this.#owner.oversized(streamId)
    else this.#owner.deliver(streamId, ppid, payload)
  }

  #deliverWaiting(stream: Stream): void {
    for (;;) {
      const message = stream.waiting?.get(stream.nextSsn)
      if (message === undefined) return
      stream.nextSsn = (stream.nextSsn + 1) & 0xffff
      stream.waiting?.delete(message.ssn)
      this.#heldBytes -= message.payload.length + HOLD_COST
      this.#deliver(message)
    }
  }

  /** Undefined for streams beyond what we announced: their messages are acknowledged and thrown away. */
  #stream(streamId: number): Stream | undefined {
    let stream = this.#streams.get(streamId)
    if (stream === undefined && streamId < MAX_STREAMS) {
      stream = { nextSsn: 0, waiting: undefined, forwardedBy: 0 }
      this.#streams.set(streamId, stream)
    }
    return stream
  }

  /** The cumulative TSN goes through ranges that touch it. */
  #advance(): void {
    for (;;) {
      const range = this.#ranges[0]
      if (range === undefined || range.start !== (this.#cumulativeTsn + 1) >>> 0) return
      while (this.#cumulativeTsn !== range.end) {
        this.#cumulativeTsn = (this.#cumulativeTsn + 1) >>> 0
        this.#pass(this.#takeFragment(this.#cumulativeTsn))
      }
      this.#ranges.shift()
    }
  }

  #takeFragment(tsn: number): Fragment | undefined {
    const fragment = this.#fragments.get(tsn)
    if (fragment === undefined) return undefined
    this.#fragments.delete(tsn)
    this.#heldBytes -= fragment.payload.length + HOLD_COST
    return fragment
  }

  /** The next TSN in line: a fragment, or undefined for a message that came whole. */
  #pass(fragment: Fragment | undefined): void {
    const first = this.#joining
    const continues =
      fragment !== undefined &&
      first !== undefined &&
      !(fragment.flags & DataFlag.begin) &&
      fragment.streamId === first.streamId &&
      (fragment.ssn === first.ssn || (fragment.flags & DataFlag.unordered) !== 0)
    if (!continues) {
      this.#dropJoining()
      if (fragment === undefined || !(fragment.flags & DataFlag.begin)) return
    }
    this.#join(fragment)
  }

  #join(fragment: Fragment): void {
    if (this.#joinedBytes >= 0) {
      const bytes = this.#joinedBytes + fragment.payload.length
      if (bytes > this.#maxMessageBytes) {
        const first = this.#joining ?? { ...fragment, payload: NOTHING }
        this.#dropJoining()
        this.#joining = first
        this.#joinedBytes = -1
        this.#owner.oversized(fragment.streamId)
      } else {
        this.#joining ??= { ...fragment, payload: NOTHING }
        this.#growJoined(bytes)
        this.#joined.set(fragment.payload, this.#joinedBytes)
        this.#joinedBytes = bytes
      }
    }
    if (!(fragment.flags & DataFlag.end)) return
    if (this.#joinedBytes < 0) {
      // Its place in the stream's order is taken, so that later messages do not wait for it.
      const first = this.#joining!
      this.#dropJoining()
      if (!(first.flags & DataFlag.unordered)) this.#skipSsn(first.streamId, first.ssn)
      return
    }
    const message = { ...this.#joining!, payload: this.#joined.slice(0, this.#joinedBytes) }
    this.#dropJoining()
    this.#arrived(message)
  }

  #growJoined(bytes: number): void {
    if (bytes <= this.#joined.length) return
    const grown = new Uint8Array(Math.min(Math.max(2 * bytes, MIN_JOINED_BYTES), this.#maxMessageBytes))
    grown.set(this.#joined.subarray(0, this.#joinedBytes))
    this.#heldBytes += grown.length - this.#joined.length
    this.#joined = grown
  }

  #dropJoining(): void {
    this.#heldBytes -= this.#joined.length
    this.#joined = NOTHING
    this.#joining = undefined
    this.#joinedBytes = 0
  }

  /** @returns false when it had arrived before */
  #insert(tsn: number): boolean {
    const ranges = this.#ranges
    let index = ranges.length - 1
    while (index >= 0 && tsnAfter(ranges[index]!.start, tsn)) index--
    const before = ranges[index]
    const after = ranges[index + 1]
    if (before !== undefined && !tsnAfter(tsn, before.end)) return false
    const next = (tsn + 1) >>> 0
    if (before !== undefined && (before.end + 1) >>> 0 === tsn) {
      before.end = tsn
      if (after !== undefined && after.start === next) {
        before.end = after.end
        ranges.splice(index + 1, 1)
      }
    } else if (after !== undefined && after.start === next) after.start = tsn
    else ranges.splice(index + 1, 0, { start: tsn, end: tsn })
    return true
  }

  #noteDuplicate(tsn: number): void {
    if (this.#duplicates.length < MAX_DUPLICATES) this.#duplicates.push(tsn)
  }

  /**
   * FORWARD-TSN (RFC 3758 §3.6): the peer gave up everything up to `newTsn`.
   * @param at offset of the first stream/SSN pair, 4 bytes each
   */
  forward(newTsn: number, bytes: Uint8Array, at: number, pairs: number): void {
    if (!tsnAfter(newTsn, this.#cumulativeTsn)) return
    this.#dropJoining()
    while (this.#ranges.length > 0 && !tsnAfter(this.#ranges[0]!.end, newTsn)) this.#ranges.shift()
    this.#dropFragments(newTsn)
    this.#cumulativeTsn = newTsn
    const range = this.#ranges[0]
    if (range !== undefined && !tsnAfter(range.start, newTsn)) range.start = (newTsn + 1) >>> 0
    this.#forwardCount++
    for (let pair = 0; pair < pairs; pair++) {
      const streamId = readU16(bytes, at + pair * 4)
      const stream = this.#stream(streamId)
      if (stream === undefined || stream.forwardedBy === this.#forwardCount) continue
      stream.forwardedBy = this.#forwardCount
      this.#skipSsn(streamId, readU16(bytes, at + pair * 4 + 2))
    }
    this.#advance()
  }

  /**
   * Takes the fragments up to `newTsn`. The work is no more than the TSNs that the peer goes on by, so that many small
   * steps cost no more than a long one.
   */
  #dropFragments(newTsn: number): void {
    const steps = tsnDistance(newTsn, this.#cumulativeTsn)
    if (steps < this.#fragments.size) {
      for (let i = 1; i <= steps; i++) this.#takeFragment((this.#cumulativeTsn + i) >>> 0)
    } else for (const tsn of this.#fragments.keys()) if (!tsnAfter(tsn, newTsn)) this.#takeFragment(tsn)
  }

  /** Nothing up to `ssn` will come any more on this stream: what waits goes up, in order. */
  #skipSsn(streamId: number, ssn: number): void {
    const stream = this.#stream(streamId)
    if (stream === undefined || ssnAfter(stream.nextSsn, ssn)) return
    for (const message of overtaken(stream, ssn)) {
      stream.waiting?.delete(message.ssn)
      this.#heldBytes -= message.payload.length + HOLD_COST
      this.#deliver(message)
    }
    stream.nextSsn = (ssn + 1) & 0xffff
    this.#deliverWaiting(stream)
  }

  /** The peer reset these streams (RFC 6525 §5.2.2): their sequence numbers begin at 0 again. */
  resetStream(streamId: number): void {
    for (const message of this.#streams.get(streamId)?.waiting?.values() ?? []) {
      this.#heldBytes -= message.payload.length + HOLD_COST
    }
    this.#streams.delete(streamId)
  }

  /** The same for all streams. */
  resetAll(): void {
    for (const streamId of this.#streams.keys()) this.resetStream(streamId)
  }

  /** Appends a SACK chunk (RFC 9260 §3.3.4) with as many gap blocks as fit; `sackSent` when it has gone out. */
  writeSack(writer: PacketWriter): void {
    const gaps = Math.min(this.#ranges.length, Math.floor((writer.room - 16) / 4))
    const duplicates = Math.min(this.#duplicates.length, Math.floor((writer.room - 16) / 4) - gaps)
    writer.startChunk(ChunkType.sack, 0)
    writer.uint32(this.#cumulativeTsn)
    writer.uint32(Math.max(0, RECEIVE_WINDOW_BYTES - this.#heldBytes))
    writer.uint16(gaps)
    writer.uint16(duplicates)
    for (let i = 0; i < gaps; i++) {
      writer.uint16(tsnDistance(this.#ranges[i]!.start, this.#cumulativeTsn))
      writer.uint16(tsnDistance(this.#ranges[i]!.end, this.#cumulativeTsn))
    }
    for (let i = 0; i < duplicates; i++) writer.uint32(this.#duplicates[i]!)
    writer.endChunk()
  }

  /** What was written last has gone out: its duplicates are told. */
  sackSent(): void {
    this.#duplicates.length = 0
  }
}

/** What waits on a stream up to `ssn`, in order. The work is no more than the numbers that are passed over. */
function overtaken({ waiting, nextSsn }: Stream, ssn: number): Fragment[] {
  if (waiting === undefined || waiting.size === 0) return []
  const messages: Fragment[] = []
  const steps = ((ssn - nextSsn) & 0xffff) + 1
  if (steps > waiting.size) {
    for (const message of waiting.values()) if (!ssnAfter(message.ssn, ssn)) messages.push(message)
    return messages.sort((a, b) => (ssnAfter(a.ssn, b.ssn) ? 1 : -1))
  }
  for (let i = 0; i < steps; i++) {
    const message = waiting.get((nextSsn + i) & 0xffff)
    if (message !== undefined) messages.push(message)
  }
  return messages
}
