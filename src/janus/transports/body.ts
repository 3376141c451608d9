/** Reads the bodies of requests, bounded one by one and all together, whatever pieces they come in. */
import type { IncomingMessage } from 'node:http'
import { Tally } from './addresses.js'

/** `too long`, `too many` at the same time, or `aborted` by the client. */
export type Unread = 'too long' | 'too many' | 'aborted'

/** One address may have this part of all bytes. */
const SHARE_OF_ADDRESS = 1 / 8

/** The bytes of one body as they come. A piece that is kept by itself takes some hundred bytes more than it has. */
class GrowingBody {
  #array = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Bytes of memory. */
  get capacity(): number {
    return this.#array.length
  }

  /** @param lengthMax of the whole, which is not passed */
  add(chunk: Buffer, lengthMax: number): void {
    const length = this.#length + chunk.length
    if (length > this.capacity) {
      // Not out of the pool, of which the smallest body would keep 8 KiB.
      const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(lengthMax, this.capacity * 2)))
      this.#array.copy(larger, 0, 0, this.#length)
      this.#array = larger
    }
    chunk.copy(this.#array, this.#length)
    this.#length = length
  }

  whole(): Buffer {
    return this.#array.subarray(0, this.#length)
  }
}

export class BodyReader {
  /** Memory of all bodies that are being received. */
  #total = 0
  readonly #byAddress = new Tally()

  /**
   * @param bytesMax of this body @param totalMax of all that are being received; of one address an eighth, or one body
   * @returns the body, or why there is none; the rest of it is not read then
   */
  read(request: IncomingMessage, address: string, bytesMax: number, totalMax: number): Promise<Buffer | Unread> {
    const addressMax = Math.max(bytesMax, totalMax * SHARE_OF_ADDRESS)
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.resolve('too long')
    if (request.destroyed) return Promise.resolve('aborted')
    return new Promise((resolve) => {
      const body = new GrowingBody()
      let held = 0
      const hold = (bytes: number) => {
        this.#total += bytes - held
        this.#byAddress.add(address, bytes - held)
        held = bytes
      }
      const end = (result: Buffer | Unread) => {
        request.off('data', onData).pause()
        hold(0)
        resolve(result)
      }
      const onData = (chunk: Buffer) => {
        if (body.length + chunk.length > bytesMax) return end('too long')
        body.add(chunk, bytesMax)
        hold(body.capacity)
        if (this.#total > totalMax || this.#byAddress.of(address) > addressMax) end('too many')
      }
      request.on('data', onData)
      request.once('end', () => end(body.whole()))
      // Also after `end`, where it changes nothing.
      request.once('close', () => end('aborted'))
    })
  }
}
