/**
 * The checks that an agent has believed lately. Nothing in a check says when it was made or where from, so one that somebody
 * captured is valid for as long as the credentials are; only its transaction id tells it from a new one.
 */
import { Addr } from '../io/io.js'

/** Some twenty minutes at the pace of browsers. */
const REMEMBERED = 512
/** Room for the first of them: most connections end before they have made so many, so it doubles when it is full. */
const REMEMBERED_AT_FIRST = 32
const TRANSACTION_ID_BYTES = 12

export const Seen = {
  first: 0,
  /** From where it came before: the answer may have been lost, or somebody forges that address. */
  again: 1,
  /** From another address than before. */
  elsewhere: 2,
} as const

export class Transactions {
  /** Pairs: transaction, address. Made with the first, since not every endpoint gets that far. */
  #known: Uint32Array | undefined
  #next = 0

  /** Bytes that it takes to remember. */
  get byteLength(): number {
    return this.#known?.byteLength ?? 0
  }

  /**
   * @param addrs the row at `addrOffset` is where the check came from
   * @returns one of `Seen`; a first one is remembered
   */
  see(bytes: Uint8Array, transactionIdOffset: number, addrs: Uint8Array, addrOffset: number): number {
    const known = (this.#known ??= new Uint32Array(2 * REMEMBERED_AT_FIRST))
    const transaction = hash(bytes, transactionIdOffset, TRANSACTION_ID_BYTES)
    const address = hash(addrs, addrOffset, Addr.stride)
    for (let at = 0; at < known.length; at += 2) {
      if (known[at] === transaction) return known[at + 1] === address ? Seen.again : Seen.elsewhere
    }
    this.#remember(transaction, address)
    return Seen.first
  }

  /** In the place of the oldest one, once there are as many as there may be. */
  #remember(transaction: number, address: number): void {
    let known = this.#known!
    if (this.#next === known.length) {
      if (known.length < 2 * REMEMBERED) {
        this.#known = new Uint32Array(2 * known.length)
        this.#known.set(known)
        known = this.#known
      } else this.#next = 0
    }
    known[this.#next] = transaction
    known[this.#next + 1] = address
    this.#next += 2
  }
}

/** FNV-1a; never 0, which an empty place is. Who could choose what is hashed knows the password. */
function hash(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0x811c9dc5
  for (let i = 0; i < length; i++) value = Math.imul(value ^ bytes[offset + i]!, 0x01000193)
  return value >>> 0 || 1
}
