/**
 * Stream resets (RFC 6525): how data channels close (RFC 8831 §6.7). Only outgoing resets are asked for; of the
 * peer's requests, outgoing resets are carried out and everything else is denied.
 *
 * ```
 * +-------------------------------+-------------------------------+
 * |  13 outgoing SSN reset        |  length = 16 + 2·n            |
 * |  request sequence number                                      |
 * |  response sequence number                                     |
 * |  sender's last assigned TSN                                   |
 * |  stream 1                     |  stream 2 …   (none = all)    |
 * +-------------------------------+-------------------------------+
 * |  16 response                  |  length = 12                  |
 * |  response sequence number                                     |
 * |  result                                                       |
 * +-------------------------------+-------------------------------+
 * ```
 */
import { readU16, readU32 } from '../../rtp/big-endian.js'
import { ChunkType, type PacketWriter, ParameterType, SctpReason, tsnAfter } from './packet.js'

/** RFC 6525 §4.4; the others refuse as well. */
const Result = { nothingToDo: 0, performed: 1, denied: 2, badSequence: 5, inProgress: 6 } as const
const MAX_STREAMS_PER_REQUEST = 100
const RESPONSE_CHUNK_BYTES = 16

export interface StreamResetOwner {
  /** Highest TSN up to which everything from the peer has arrived. */
  receivedTsn(): number
  /** Last TSN we gave out. */
  lastTsn(): number
  /** Whether nothing of this stream waits to be sent. */
  isDrained(streamId: number): boolean
  /** The peer ended these streams of its own; an empty list means all. */
  peerReset(streamIds: number[]): void
  /** Our own streams are at sequence number 0 again. Not told of streams whose reset the peer refused. */
  resetDone(streamIds: number[]): void
}

export class StreamReset {
  #owner: StreamResetOwner
  readonly #counts: Float64Array
  #requestSeq: number
  #expectedSeq = 0
  /** Result of the last request, for when it comes again. */
  #lastResult: number = Result.nothingToDo
  #waiting = new Set<number>()
  /** `known`: streams of the request that we know to be reset although its response is missing. */
  #asked: { seq: number; lastTsn: number; streamIds: number[]; known: Set<number> } | undefined
  #askDue = false
  #repeatAtMs = Number.POSITIVE_INFINITY
  #responses: { seq: number; result: number }[] = []
  /** Requests in a row that stayed without answer. */
  timeouts = 0

  /** @param counts in the order of `sctpReasonNames` */
  constructor(owner: StreamResetOwner, initialTsn: number, counts: Float64Array) {
    this.#owner = owner
    this.#counts = counts
    this.#requestSeq = initialTsn
  }

  /** @param peerInitialTsn what the peer's request numbers start at (RFC 6525 §4.1) */
  start(peerInitialTsn: number): void {
    this.#expectedSeq = peerInitialTsn
  }

  /** Ends our direction of a stream, after what is queued on it. */
  reset(streamId: number): void {
    this.#waiting.add(streamId)
  }

  /** The peer uses the stream again, so it has carried out our reset: only its response was lost. */
  assumeDone(streamId: number): void {
    this.#waiting.delete(streamId)
    if (this.#asked?.streamIds.includes(streamId)) this.#asked.known.add(streamId)
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return this.#repeatAtMs
  }

  /** Makes a request that stayed without answer due again, and counts that. */
  expire(nowMs: number): void {
    if (nowMs < this.#repeatAtMs) return
    this.#repeatAtMs = Number.POSITIVE_INFINITY
    this.timeouts++
    this.#askDue = true
  }

  /** One RE-CONFIG chunk (checked by `checkPacket`). @returns false when a parameter is too short for its type */
  receive(bytes: Uint8Array, at: number, length: number): boolean {
    const end = at + length
    let parameters = 0
    for (let parameter = at + 4; parameter < end && parameters < 2; parameters++) {
      const parameterLength = readU16(bytes, parameter + 2)
      if (!this.#receiveParameter(bytes, parameter, parameterLength)) return false
      parameter += (parameterLength + 3) & ~3
    }
    return true
  }

  #receiveParameter(bytes: Uint8Array, at: number, length: number): boolean {
    const type = readU16(bytes, at)
    if (type === ParameterType.reconfigResponse) {
      if (length < 12) return false
      this.#answered(readU32(bytes, at + 4), readU32(bytes, at + 8))
      return true
    }
    const isReset = type === ParameterType.outgoingReset
    if (!isReset && (type < ParameterType.incomingReset || type > ParameterType.addIncoming)) return true
    if (length < (isReset ? 16 : 8) || (isReset && length % 2 !== 0)) return false
    const seq = readU32(bytes, at + 4)
    if (seq === this.#expectedSeq) {
      this.#lastResult = isReset ? this.#carryOut(bytes, at, length) : Result.denied
      if (this.#lastResult !== Result.inProgress) this.#expectedSeq = (this.#expectedSeq + 1) >>> 0
      this.#respond(seq, this.#lastResult)
    } else if (seq === (this.#expectedSeq - 1) >>> 0) this.#respond(seq, this.#lastResult)
    else this.#respond(seq, Result.badSequence)
    return true
  }

  #respond(seq: number, result: number): void {
    if (this.#responses.length < 8) this.#responses.push({ seq, result })
  }

  #carryOut(bytes: Uint8Array, at: number, length: number): number {
    // Data that was sent before the reset has to be delivered first (RFC 6525 §5.2.2, E2).
    if (tsnAfter(readU32(bytes, at + 12), this.#owner.receivedTsn())) return Result.inProgress
    const streamIds: number[] = []
    for (let stream = at + 16; stream < at + length; stream += 2) streamIds.push(readU16(bytes, stream))
    this.#owner.peerReset(streamIds)
    return Result.performed
  }

  #answered(seq: number, result: number): void {
    if (this.#asked === undefined || seq !== this.#asked.seq) return
    this.timeouts = 0
    if (result === Result.inProgress) return // ask again when the timer runs out
    const { streamIds, known } = this.#asked
    this.#asked = undefined
    this.#askDue = false
    this.#repeatAtMs = Number.POSITIVE_INFINITY
    if (result !== Result.performed && result !== Result.nothingToDo) {
      // The peer goes on from the old sequence numbers: nothing more may be sent on these streams, and nobody gets them.
      this.#counts[SctpReason.resetDenied]!++
      return
    }
    this.#owner.resetDone(streamIds.filter((streamId) => !known.has(streamId)))
  }

  /** Appends what is due: responses, and our request if there is one to make or to repeat. */
  fill(nowMs: number, rtoMs: number, writer: PacketWriter): void {
    while (this.#responses.length > 0 && writer.room >= RESPONSE_CHUNK_BYTES) {
      const { seq, result } = this.#responses.shift()!
      writer.startChunk(ChunkType.reconfig, 0)
      writer.uint16(ParameterType.reconfigResponse)
      writer.uint16(12)
      writer.uint32(seq)
      writer.uint32(result)
      writer.endChunk()
    }
    if (this.#asked === undefined) this.#ask()
    if (!this.#askDue || this.#asked === undefined) return
    const { seq, lastTsn, streamIds } = this.#asked
    if (writer.room < 4 + 16 + streamIds.length * 2 + 2) return
    this.#askDue = false
    this.#repeatAtMs = nowMs + rtoMs
    writer.startChunk(ChunkType.reconfig, 0)
    writer.uint16(ParameterType.outgoingReset)
    writer.uint16(16 + streamIds.length * 2)
    writer.uint32(seq)
    writer.uint32((this.#expectedSeq - 1) >>> 0)
    writer.uint32(lastTsn)
    for (const streamId of streamIds) writer.uint16(streamId)
    writer.endChunk()
  }

  #ask(): void {
    if (this.#waiting.size === 0) return
    const streamIds: number[] = []
    for (const streamId of this.#waiting) {
      if (streamIds.length === MAX_STREAMS_PER_REQUEST) break
      if (this.#owner.isDrained(streamId)) streamIds.push(streamId)
    }
    if (streamIds.length === 0) return
    for (const streamId of streamIds) this.#waiting.delete(streamId)
    this.#asked = { seq: this.#requestSeq, lastTsn: this.#owner.lastTsn(), streamIds, known: new Set() }
    this.#requestSeq = (this.#requestSeq + 1) >>> 0
    this.#askDue = true
  }
}
