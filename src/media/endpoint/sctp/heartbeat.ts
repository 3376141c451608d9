/**
 * HEARTBEAT (RFC 9260 §8.3): whether a peer that says nothing is still there. ICE consent tells that about the host,
 * this about the association.
 *
 * ```
 * +---------------+---------------+-------------------------------+
 * |       4       |       0       |  length = 12                  |
 * |  1 heartbeat info             |  length = 8                   |
 * |  nonce, which comes back                                      |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU16, readU32 } from '../../rtp/big-endian.js'
import type { SctpHost } from './host.js'
import { ChunkType, type PacketWriter, ParameterType } from './packet.js'

/** §16, HB.interval: a peer that has been silent for so long is asked. */
const INTERVAL_MS = 30_000
const HEARTBEAT_BYTES = 12

export class Heartbeat {
  readonly #host: SctpHost
  #heardAtMs: number
  /** Nonce of the request that waits for its answer; undefined when none does. */
  #nonce: number | undefined
  #askedAtMs = 0
  #giveUpAtMs = 0
  #due = false
  /** Requests in a row that stayed without answer. */
  timeouts = 0

  constructor(nowMs: number, host: SctpHost) {
    this.#host = host
    this.#heardAtMs = nowMs
  }

  /** A packet came. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return this.#nonce === undefined ? this.#heardAtMs + INTERVAL_MS : this.#giveUpAtMs
  }

  /** Makes a request due, and counts the one before as unanswered if it is. */
  expire(nowMs: number): void {
    if (nowMs < this.deadlineMs) return
    if (this.#nonce !== undefined) this.timeouts++
    this.#due = true
  }

  /** Appends a request if one is due. */
  fill(nowMs: number, rtoMs: number, writer: PacketWriter): void {
    if (!this.#due || writer.room < HEARTBEAT_BYTES) return
    this.#due = false
    this.#nonce = this.#host.random()
    this.#askedAtMs = nowMs
    this.#giveUpAtMs = nowMs + rtoMs * 2 ** Math.min(this.timeouts, 4)
    writer.startChunk(ChunkType.heartbeat, 0)
    writer.uint16(ParameterType.heartbeatInfo)
    writer.uint16(8)
    writer.uint32(this.#nonce)
    writer.endChunk()
  }

  /** A HEARTBEAT ACK at `at`. @returns the round trip in ms, or undefined when it answers nothing we asked last */
  answered(nowMs: number, bytes: Uint8Array, at: number, length: number): number | undefined {
    if (length !== HEARTBEAT_BYTES || readU16(bytes, at + 4) !== ParameterType.heartbeatInfo) return undefined
    if (this.#nonce === undefined || readU32(bytes, at + 8) !== this.#nonce) return undefined
    this.#nonce = undefined
    this.timeouts = 0
    return nowMs - this.#askedAtMs
  }
}
