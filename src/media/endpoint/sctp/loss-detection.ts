/**
 * Which chunks are lost, and what a loss does to the congestion window (RFC 9260 §7.2.3, §7.2.4): chunks that were overtaken
 * three times, and are late by what the path is known to reorder (`reordering.ts`). A cut that turns out to have been for
 * nothing is taken back.
 */
import { readU32 } from '../../rtp/big-endian.js'
import type { CongestionWindow, RoundTrip } from './congestion.js'
import { Chunk, ChunkState, type Flight } from './flight.js'
import { tsnAfter } from './packet.js'
import { Reordering } from './reordering.js'

/** Gap reports before a chunk counts as lost (§7.2.4). */
const MISSES_UNTIL_LOST = 3

export class LossDetection {
  readonly #flight: Flight
  readonly #window: CongestionWindow
  readonly #roundTrip: RoundTrip
  /** Told of each chunk that is lost: takes it out of flight, and calls `lost`. */
  readonly #lose: (nowMs: number, tsn: number) => void
  readonly #reordering = new Reordering()
  /** When chunks that were overtaken will count as lost, unless they arrive. */
  #lostAtMs = Number.POSITIVE_INFINITY
  /** Loss recovery lasts until everything up to this TSN has arrived. */
  #recoveryExitTsn: number | undefined
  #highestNewlyAcked = 0
  /** One chunk may go out above cwnd when loss is found (§7.2.4). */
  mayExceedWindow = false

  constructor(
    flight: Flight,
    window: CongestionWindow,
    roundTrip: RoundTrip,
    lose: (nowMs: number, tsn: number) => void,
  ) {
    this.#flight = flight
    this.#window = window
    this.#roundTrip = roundTrip
    this.#lose = lose
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return this.#lostAtMs
  }

  get isRecovering(): boolean {
    return this.#recoveryExitTsn !== undefined
  }

  /** Nothing is on its way any more, and the path was measured again. */
  forget(): void {
    this.#reordering.forget()
  }

  /** Chunk `tsn` counts as lost. @param givenUp it is not sent again */
  lost(tsn: number, givenUp: boolean): void {
    this.#reordering.lost()
    if (givenUp) this.#reordering.settled(tsn)
  }

  /** A lost chunk is sent again. */
  sentAgain(tsn: number): void {
    this.mayExceedWindow = false
    this.#reordering.settled(tsn)
  }

  // ---- one SACK, in this order

  /** A SACK begins. @param cumulativeTsn up to which everything had arrived before it */
  begin(cumulativeTsn: number): void {
    this.#highestNewlyAcked = cumulativeTsn
  }

  /** Chunk `tsn` is newly acknowledged, with its state as it was before. @param byGap otherwise cumulatively */
  acknowledged(nowMs: number, tsn: number, byGap: boolean): void {
    this.noteArrival(nowMs, tsn, byGap)
    this.#highestNewlyAcked = tsn
  }

  /**
   * What the acknowledgement of a chunk says about the order that the path keeps.
   * @param byGap otherwise it may be FORWARD-TSN that is acknowledged
   */
  noteArrival(nowMs: number, tsn: number, byGap: boolean): void {
    const flight = this.#flight
    const state = flight.get(tsn, Chunk.state)
    const isCopy = flight.get(tsn, Chunk.sentCount) > 1
    const sentAtMs = flight.sentAtMs(tsn)
    if (state === ChunkState.lost) {
      // Sent more than once, it may be a copy that has arrived.
      if (!isCopy && this.#reordering.arrivedAfterAll(tsn)) this.#undoCut()
    } else if (state === ChunkState.inFlight) {
      if (!isCopy) this.#reordering.arrived(nowMs, sentAtMs)
      else if (this.#reordering.copyAcknowledged(tsn, nowMs, sentAtMs)) this.#undoCut()
    } else if (state === ChunkState.abandoned && flight.get(tsn, Chunk.givenUpAsLost) !== 0) {
      if (isCopy || !(byGap || this.#reordering.isTooSoon(nowMs - sentAtMs))) return
      flight.set(tsn, Chunk.givenUpAsLost, 0)
      if (this.#reordering.arrivedAfterAll(tsn)) this.#undoCut()
    }
  }

  /** All acknowledgements of the SACK have been taken. */
  cumulativelyAcknowledged(cumulativeTsn: number): void {
    if (this.#recoveryExitTsn !== undefined && !tsnAfter(this.#recoveryExitTsn, cumulativeTsn)) {
      this.#recoveryExitTsn = undefined
    }
  }

  /** TSNs that the peer got twice (§3.3.4), `count` of them at `at`. */
  readDuplicates(bytes: Uint8Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#reordering.reportedTwice(readU32(bytes, at + i * 4))) this.#undoCut()
    }
  }

  /** §7.2.4: chunks before the highest newly acknowledged TSN that the peer, which has `end`, does not have. */
  countMisses(nowMs: number, end: number): void {
    const flight = this.#flight
    for (let tsn = flight.first; tsnAfter(end, tsn) && tsnAfter(this.#highestNewlyAcked, tsn); tsn = (tsn + 1) >>> 0) {
      if (flight.get(tsn, Chunk.state) !== ChunkState.inFlight) continue
      if (!tsnAfter(this.#highestNewlyAcked, flight.get(tsn, Chunk.missesBehind))) continue
      const misses = flight.get(tsn, Chunk.misses) + 1
      flight.set(tsn, Chunk.misses, misses)
      if (misses === MISSES_UNTIL_LOST) this.#lostAtMs = Math.min(this.#lostAtMs, this.#lateFromMs(tsn))
    }
    this.expire(nowMs)
  }

  // ---- time

  /** What was overtaken and has not come by now is lost. */
  expire(nowMs: number): void {
    if (nowMs >= this.#lostAtMs) this.#findLost(nowMs)
  }

  /**
   * The retransmission timer ran out (§6.3.3), and everything that is out will be lost.
   * @param isFirst of a row of timeouts @param cuts whether it says something about the path
   */
  timedOut(isFirst: boolean, cuts: boolean): void {
    this.#lostAtMs = Number.POSITIVE_INFINITY
    if (isFirst && this.#recoveryExitTsn === undefined) {
      this.#reordering.begin(false)
      this.#window.keep()
    }
    if (cuts) this.#window.timedOut()
    this.#recoveryExitTsn = undefined
  }

  #lateFromMs(tsn: number): number {
    return this.#reordering.lostAtMs(this.#flight.sentAtMs(tsn), this.#roundTrip.smoothedMs)
  }

  /** Chunks that were overtaken often enough, and are late enough, are lost. */
  #findLost(nowMs: number): void {
    const flight = this.#flight
    let foundLoss = false
    this.#lostAtMs = Number.POSITIVE_INFINITY
    for (let tsn = flight.first; tsn !== flight.next; tsn = (tsn + 1) >>> 0) {
      if (flight.get(tsn, Chunk.state) !== ChunkState.inFlight) continue
      if (flight.get(tsn, Chunk.misses) < MISSES_UNTIL_LOST) continue
      const lostAtMs = this.#lateFromMs(tsn)
      if (nowMs < lostAtMs) {
        this.#lostAtMs = Math.min(this.#lostAtMs, lostAtMs)
        continue
      }
      if (!foundLoss && this.#recoveryExitTsn === undefined) this.#beginRecovery()
      foundLoss = true
      this.#lose(nowMs, tsn)
    }
  }

  #beginRecovery(): void {
    this.#reordering.begin(true)
    this.#window.keep()
    this.#window.lost()
    this.#recoveryExitTsn = (this.#flight.next - 1) >>> 0
    this.mayExceedWindow = true
  }

  #undoCut(): void {
    this.#window.undo()
    this.#recoveryExitTsn = undefined
    this.mayExceedWindow = false
  }
}
