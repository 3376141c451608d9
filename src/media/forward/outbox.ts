/**
 * Rows of outgoing RTP packets, and the part of the io's scratch that the forwarder writes to.
 *
 * ```
 * scratch  0                                          240 KiB          256 KiB
 *          +------------------------------------------+----------------+
 *          | forwarder: extension blocks, OSN, RTCP   | STUN           |
 *          +------------------------------------------+----------------+
 * ```
 *
 * The io takes what it needs out of scratch before `fanout` or `rtcp` returns, so nothing here lives longer
 * than one packet: each packet begins again at 0.
 */
import { MAX_TARGETS, type MediaIo, STUN_SCRATCH_BYTES, Target, type TargetError } from '../io/io.js'
import { Cell } from './state-rows.js'

/** Room that must be left before a row is begun: the largest extension block, and an OSN. */
const ROW_SCRATCH_BYTES = 2048

/** As what a packet is sent to one subscription. */
export interface SentAs {
  /** Marker bit and payload type: second byte of the RTP header. */
  markerPt: number
  /** `ROC << 16 | seq`. */
  extSeq: number
  timestamp: number
}

/** What the forwarder needs of an io. */
export type ForwardIo = Pick<MediaIo, 'rx' | 'targets' | 'scratch' | 'fanout' | 'rtcp'>

/**
 * A bug of ours in what was done for one peer: that one is ended as soon as what is at hand is done, and the others are not.
 * @param transport of the peer
 * @throws the error itself when no peer has that transport
 */
export type Blame = (transport: number, error: unknown) => void

export class Outbox {
  /** Where rows are sent; another one has the same scratch and targets. */
  io: ForwardIo
  readonly scratch: Uint8Array
  readonly #targets: Uint32Array
  readonly #scratchEnd: number
  readonly #blame: Blame
  /** Grows whenever scratch is begun anew: what was written under an earlier serial is gone. */
  serial = 0
  /** RTP packets that the io took, ever. */
  queued = 0
  #scratchAt = 0
  #rows = 0
  #source: Uint8Array
  #offset = 0
  #length = 0
  #headerLength = 0

  /** @param blame whose row the io refused */
  constructor(io: ForwardIo, blame: Blame) {
    this.io = io
    this.#blame = blame
    this.scratch = io.scratch
    this.#targets = io.targets
    this.#source = io.rx
    this.#scratchEnd = io.scratch.length - STUN_SCRATCH_BYTES
  }

  /**
   * Begins the rows for the payload of one packet, `source[offset + headerLength … offset + length)`. Rows of another packet
   * that a bug kept from being sent are forgotten.
   */
  begin(source: Uint8Array, offset: number, length: number, headerLength: number): void {
    this.#source = source
    this.#offset = offset
    this.#length = length
    this.#headerLength = headerLength
    this.clear()
  }

  /** Takes scratch anew, with no packet: for RTCP. */
  clear(): void {
    this.#rows = 0
    this.#scratchAt = 0
    this.serial++
  }

  /** Sends the rows so far if the next one might not fit; shared blocks are then written again. */
  makeRoom(): void {
    if (this.#rows === MAX_TARGETS || this.#scratchEnd - this.#scratchAt < ROW_SCRATCH_BYTES) {
      this.send()
      this.clear()
    }
  }

  /** Where the next bytes go in scratch. */
  get at(): number {
    return this.#scratchAt
  }

  /** Takes `length` bytes of scratch, kept aligned to 4, and returns their offset. */
  take(length: number): number {
    const at = this.#scratchAt
    this.#scratchAt = at + ((length + 3) & ~3)
    return at
  }

  /** Writes one row; see `Target`. */
  row(
    transport: number,
    ssrc: number,
    markerPt: number,
    extSeq: number,
    timestamp: number,
    extOffset: number,
    extLength: number,
    prefixOffset: number,
    prefixLength: number,
    skip: number,
  ): void {
    const targets = this.#targets
    const at = this.#rows++ * Target.stride
    targets[at + Target.transport] = transport
    targets[at + Target.ssrc] = ssrc
    targets[at + Target.markerPt] = markerPt
    targets[at + Target.extSeq] = extSeq
    targets[at + Target.timestamp] = timestamp
    this.#pieces(at, extOffset, extLength, prefixOffset, prefixLength, skip)
  }

  /**
   * Writes one row of a packet that is forwarded. SSRC and timestamp are read where they are, which leaves them unboxed (ADR 9).
   * @param cells of `StateRows` @param at the subscription's row
   */
  forward(
    cells: Float64Array,
    at: number,
    { markerPt, extSeq, timestamp }: SentAs,
    extOffset: number,
    extLength: number,
    prefixOffset: number,
    prefixLength: number,
    skip: number,
  ): void {
    const targets = this.#targets
    const row = this.#rows++ * Target.stride
    targets[row + Target.transport] = cells[at + Cell.transport]!
    targets[row + Target.ssrc] = cells[at + Cell.ssrc]!
    targets[row + Target.markerPt] = markerPt
    targets[row + Target.extSeq] = extSeq
    targets[row + Target.timestamp] = timestamp
    this.#pieces(row, extOffset, extLength, prefixOffset, prefixLength, skip)
  }

  /** Where the row's extensions and the beginning of its payload are in scratch, and what it leaves out of the source. */
  #pieces(
    row: number,
    extOffset: number,
    extLength: number,
    prefixOffset: number,
    prefixLength: number,
    skip: number,
  ): void {
    const targets = this.#targets
    targets[row + Target.extOffset] = extOffset
    targets[row + Target.extLength] = extLength
    targets[row + Target.prefixOffset] = prefixOffset
    targets[row + Target.prefixLength] = prefixLength
    targets[row + Target.skip] = skip
  }

  /** Sends the rows of the packet that was begun. */
  send(): void {
    const rows = this.#rows
    if (rows === 0) return
    // Forgotten before they are sent: a row that went out with another packet as well would use its number twice.
    this.#rows = 0
    try {
      this.queued += this.io.fanout(this.#source, this.#offset, this.#length, this.#headerLength, rows)
    } catch (error) {
      this.#refused(error)
    }
  }

  /** The rows before the one that the io refused are on their way. Those behind it are lost, and repaired like any loss. */
  #refused(error: unknown): void {
    if (!isTargetError(error)) throw error
    this.#blame(this.#targets[error.row * Target.stride + Target.transport]!, error)
  }
}

function isTargetError(error: unknown): error is TargetError {
  return error instanceof RangeError && 'row' in error && typeof error.row === 'number'
}
