/** Reads the bodies of requests, bounded one by one and all together. */
import type { IncomingMessage } from 'node:http'
import { Tally } from './addresses.js'

/** `too long`, `too many` at the same time, or `aborted` by the client. */
export type Unread = 'too long' | 'too many' | 'aborted'

/** One address may have this part of all bytes. */
const SHARE_OF_ADDRESS = 1 / 8

export class BodyReader {
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
      const chunks: Buffer[] = []
      let bytes = 0
      const end = (result: Buffer | Unread) => {
        request.off('data', onData).pause()
        this.#total -= bytes
        this.#byAddress.add(address, -bytes)
        bytes = 0
        resolve(result)
      }
      const onData = (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        this.#total += chunk.length
        this.#byAddress.add(address, chunk.length)
        if (bytes > bytesMax) end('too long')
        else if (this.#total > totalMax || this.#byAddress.of(address) > addressMax) end('too many')
      }
      request.on('data', onData)
      request.once('end', () => end(Buffer.concat(chunks)))
      // Also after `end`, where it changes nothing.
      request.once('close', () => end('aborted'))
    })
  }
}
