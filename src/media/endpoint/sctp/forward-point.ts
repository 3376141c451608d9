/**
 * How far the peer is told to go on without what was abandoned: the Advanced.Peer.Ack.Point and the FORWARD-TSN
 * chunk of RFC 3758 §3.5 C.
 *
 * ```
 * +---------------+---------------+-------------------------------+
 * |      192      |       0       |  length = 8 + 4·n             |
 * |  new cumulative TSN                                           |
 * |  stream 1                     |  its highest skipped SSN      |  ordered messages only
 * |  …                                                            |
 * +---------------------------------------------------------------+
 * ```
 */
import { Chunk, ChunkState, type Flight } from './flight.js'
import { ChunkType, DataFlag, type PacketWriter, tsnAfter, tsnDistance } from './packet.js'

/** Stream/SSN pairs of one FORWARD-TSN. */
const MAX_PAIRS = 250
const WHOLE = DataFlag.begin | DataFlag.end

export class ForwardPoint {
  readonly #flight: Flight
  #advancedTsn: number
  #due = false
  /** Streams of the chunk that is being written, with their highest skipped SSN. */
  readonly #skipped = new Map<number, number>()

  constructor(flight: Flight) {
    this.#flight = flight
    this.#advancedTsn = this.#cumulativeTsn
  }

  get isDue(): boolean {
    return this.#due
  }

  get #cumulativeTsn(): number {
    return (this.#flight.first - 1) >>> 0
  }

  /** C1 and C2: something was acknowledged or abandoned. */
  move(): void {
    const before = this.#advancedTsn
    const cumulativeTsn = this.#cumulativeTsn
    if (tsnAfter(cumulativeTsn, this.#advancedTsn)) this.#advancedTsn = cumulativeTsn
    for (let tsn = (this.#advancedTsn + 1) >>> 0; this.#flight.has(tsn); tsn = (tsn + 1) >>> 0) {
      if (tsnDistance(tsn, cumulativeTsn) > MAX_PAIRS) break
      if (this.#flight.get(tsn, Chunk.state) === ChunkState.abandoned) this.#advancedTsn = tsn
      else if (!this.#mayPass(tsn)) break
    }
    if (this.#advancedTsn !== before && tsnAfter(this.#advancedTsn, cumulativeTsn)) this.#due = true
  }

  /**
   * Whether the peer may go past a chunk to one behind it that was abandoned: it has it, and whole, and should it take that
   * back (RFC 9260 §6.2.1) it is none that had to arrive. So a row of losses takes one round trip, not one for each.
   */
  #mayPass(tsn: number): boolean {
    if (this.#flight.get(tsn, Chunk.state) !== ChunkState.acked) return false
    const { maxRetransmits, expiresAtMs } = this.#flight.message(tsn)
    if (maxRetransmits < 0 && expiresAtMs === Number.POSITIVE_INFINITY) return false
    return (this.#flight.get(tsn, Chunk.flags) & WHOLE) === WHOLE
  }

  /** C5: the timer ran out before the peer had gone on. */
  repeat(): void {
    if (tsnAfter(this.#advancedTsn, this.#cumulativeTsn)) this.#due = true
  }

  /** Appends the chunk, if there is room and still something to say. @returns whether it did */
  write(writer: PacketWriter): boolean {
    this.#due = false
    const skipped = this.#skipped
    skipped.clear()
    for (let tsn = this.#flight.first; !tsnAfter(tsn, this.#advancedTsn); tsn = (tsn + 1) >>> 0) {
      const message = this.#flight.message(tsn)
      if (message.ordered && this.#flight.get(tsn, Chunk.state) === ChunkState.abandoned)
        skipped.set(message.stream.id, message.ssn)
    }
    if (!tsnAfter(this.#advancedTsn, this.#cumulativeTsn)) return false
    if (writer.room < 8 + skipped.size * 4) {
      this.#due = true
      return false
    }
    writer.startChunk(ChunkType.forwardTsn, 0)
    writer.uint32(this.#advancedTsn)
    for (const [streamId, ssn] of skipped) {
      writer.uint16(streamId)
      writer.uint16(ssn)
    }
    writer.endChunk()
    return true
  }
}
