/**
 * What a packet or message of the load generator carries, in its last bytes: who has sent it, which one it is, when.
 * At the end, because a server may rewrite the beginning of a payload (the descriptor of a codec).
 *
 * ```
 *  0       4       8       12      16              24
 * +-------+-------+-------+-------+---------------+
 * | "load"| run   |sender | seq   | time, µs (f64)|    big-endian; seq 0: not to be counted
 * +-------+-------+-------+-------+---------------+
 * ```
 */
export const STAMP_BYTES = 24
const MAGIC = 0x6c6f6164

export interface Stamp {
  sender: number
  /** Counts from 1 what is measured of this sender; 0 otherwise. */
  seq: number
  /** On the clock of `nowMicroseconds`. */
  sentAtMicros: number
}

/** A clock of this process: sender and receiver of a stamp are both here. */
export const nowMicroseconds = () => performance.now() * 1_000

/** Writes and reads the stamps of one run; those of other runs, which may be in the same room, are not its own. */
export class Stamps {
  readonly #run = Math.floor(Math.random() * 2 ** 32)
  readonly #found: Stamp = { sender: 0, seq: 0, sentAtMicros: 0 }

  /** Writes to the last `STAMP_BYTES` before `end`, the end of the payload in `bytes`. */
  write(bytes: Uint8Array, end: number, sender: number, seq: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + end - STAMP_BYTES, STAMP_BYTES)
    view.setUint32(0, MAGIC)
    view.setUint32(4, this.#run)
    view.setUint32(8, sender)
    view.setUint32(12, seq)
    view.setFloat64(16, nowMicroseconds())
  }

  /** @returns the stamp at the end of a payload, valid until the next call; undefined when there is none of this run */
  read(bytes: Uint8Array, offset: number, length: number): Stamp | undefined {
    if (length < STAMP_BYTES) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset + length - STAMP_BYTES, STAMP_BYTES)
    if (view.getUint32(0) !== MAGIC || view.getUint32(4) !== this.#run) return undefined
    this.#found.sender = view.getUint32(8)
    this.#found.seq = view.getUint32(12)
    this.#found.sentAtMicros = view.getFloat64(16)
    return this.#found
  }
}
