/** One POST at a time to one URL, over a connection that stays open. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { DELIVERY_HEADER, SIGNATURE_HEADER, signatureOf } from './signature.js'

export interface Answer {
  /**
   * `refused`: it would be refused again. `failed`: the backend failed on it. `unavailable`: it was not reached, or asks
   * to be asked later.
   */
  readonly kind: 'taken' | 'refused' | 'failed' | 'unavailable'
  /** For the log. */
  readonly reason: string
}

export class Poster {
  readonly #url: URL
  readonly #secret: string
  readonly #timeoutMs: number
  readonly #stop: AbortSignal
  readonly #agent: HttpAgent

  /** @param stop ends a POST that is under way */
  constructor(url: URL, secret: string, timeoutMs: number, stop: AbortSignal) {
    this.#url = url
    this.#secret = secret
    this.#timeoutMs = timeoutMs
    this.#stop = stop
    const settings = { keepAlive: true, maxSockets: 1 }
    this.#agent = url.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings)
  }

  /** @param dropped events that were dropped so far because nobody took them; the backend is told */
  post(body: string, delivery: string, dropped: number): Promise<Answer> {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'rostra',
      [DELIVERY_HEADER]: delivery,
      [SIGNATURE_HEADER]: signatureOf(this.#secret, delivery, body, Math.floor(Date.now() / 1_000)),
      'Rostra-Events-Dropped': dropped,
    }
    const { signal, release } = this.#inTime()
    return new Promise((resolve) => {
      const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
      const failed = (error: NodeJS.ErrnoException) =>
        resolve({ kind: 'unavailable', reason: signal.aborted ? 'no answer in time' : (error.code ?? error.message) })
      const request = send(this.#url, { method: 'POST', agent: this.#agent, headers, signal }, (response) => {
        // Nobody is interested in the body, but the connection is free again only after it.
        response.on('error', () => {}).resume()
        resolve(judge(response.statusCode ?? 0))
      })
      request.on('error', failed)
      // After the body of the answer, which may be endless.
      request.once('close', release)
      request.end(body)
    })
  }

  /**
   * Ends one POST: when its time is up, or all of them end. Of many signals with one source `AbortSignal.any` keeps
   * something for as long as the source lives.
   */
  #inTime(): { signal: AbortSignal; release(): void } {
    const end = new AbortController()
    const abort = () => end.abort()
    const timer = setTimeout(abort, this.#timeoutMs)
    this.#stop.addEventListener('abort', abort)
    if (this.#stop.aborted) abort()
    const release = () => {
      clearTimeout(timer)
      this.#stop.removeEventListener('abort', abort)
    }
    return { signal: end.signal, release }
  }

  close(): void {
    this.#agent.destroy()
  }
}

const LATER = new Set([408, 429, 503])

function judge(status: number): Answer {
  const reason = `status ${status}`
  if (status >= 200 && status < 300) return { kind: 'taken', reason }
  if (LATER.has(status)) return { kind: 'unavailable', reason }
  return { kind: status >= 500 ? 'failed' : 'refused', reason }
}
