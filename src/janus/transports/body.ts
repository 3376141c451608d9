/** Reads the bodies of requests, bounded one by one and all together, whatever pieces they come in. */
import type { IncomingMessage } from 'node:http'
import { ByteBudget } from './byte-budget.js'

/** `too long`, `cut off` since it was among those that held most when all held too much, or `aborted` by the client. */
export type Unread = 'too long' | 'cut off' | 'aborted'

export interface BodyLimits {
  /** Longest body. */
  readonly bodyBytes: number
  /** Memory of all that are being received, or one of the longest; one address may have an eighth, or one. */
  readonly totalBytes: number
}

/** Whether anything follows the headers (RFC 9112 §6.3), of which more may be on its way. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

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
  readonly #limits: () => BodyLimits
  readonly #received: ByteBudget

  /**
   * @param limits asked each time, so that they may change
   * @param onCut so many bodies were cut off at once, and held so much
   */
  constructor(limits: () => BodyLimits, onCut: (bodies: number, bytes: number) => void = () => {}) {
    this.#limits = limits
    this.#received = new ByteBudget({
      limits: () => {
        const { bodyBytes, totalBytes } = limits()
        const addressBytes = Math.max(bodyBytes, totalBytes * SHARE_OF_ADDRESS)
        return { totalBytes: Math.max(totalBytes, addressBytes), addressBytes }
      },
      onCut,
    })
  }

  /** @returns memory of all bodies that are being received */
  heldBytes(): number {
    return this.#received.measure()
  }

  /**
   * @param address key of the client's
   * @returns the body, or why there is none; what still comes of it is thrown away then
   */
  read(request: IncomingMessage, address: string): Promise<Buffer | Unread> {
    const { bodyBytes } = this.#limits()
    if (Number(request.headers['content-length'] ?? 0) > bodyBytes) {
      request.resume()
      return Promise.resolve('too long')
    }
    if (request.destroyed) return Promise.resolve('aborted')
    return new Promise((resolve) => {
      const body = new GrowingBody()
      const share = this.#received.open({ address, heldBytes: () => share.bytes, cut: () => end('cut off') })
      const end = (result: Buffer | Unread) => {
        // The request may stay open for long, its answer behind that to a long poll: it must not hold on to the body.
        // It goes on flowing, into nothing. Paused, it would keep what still comes: an object for each piece.
        request.off('data', onData).off('end', onEnd).off('close', onClose)
        share.close()
        resolve(result)
      }
      const onData = (chunk: Buffer) => {
        if (body.length + chunk.length > bodyBytes) return end('too long')
        body.add(chunk, bodyBytes)
        share.set(body.capacity)
      }
      const onEnd = () => end(body.whole())
      const onClose = () => end('aborted')
      request.on('data', onData).once('end', onEnd).once('close', onClose)
    })
  }
}
