import { RoomError } from './errors.js'
import type { JanusMessage } from './protocol.js'

interface Pending {
  request: string
  deadlineMs: number
  resolve(reply: JanusMessage): void
  reject(error: RoomError): void
}

/**
 * Requests waiting for their replies. A `message` is acked first and answered by a later `event`, or answered at once by a
 * `success`; for every other request the first reply is the answer. Knows no socket and no clock.
 */
export class Transactions {
  readonly #pending = new Map<string, Pending>()
  #next = 1

  get size(): number {
    return this.#pending.size
  }

  /**
   * Opens a transaction.
   * @param request the value of `janus` in the request
   * @returns its id, unique for this object
   */
  open(request: string, deadlineMs: number, resolve: Pending['resolve'], reject: Pending['reject']): string {
    const id = String(this.#next++)
    this.#pending.set(id, { request, deadlineMs, resolve, reject })
    return id
  }

  /**
   * Takes anything the server sent.
   * @returns true if it was a reply (also an ack, or one that came too late); false if it is an event of its own
   */
  settle(message: JanusMessage): boolean {
    const { janus, transaction } = message
    if (transaction === undefined) return janus === 'error'
    const pending = this.#pending.get(transaction)
    if (!pending) return janus !== 'event'
    if (janus === 'ack' && pending.request === 'message') return true
    this.#pending.delete(transaction)
    if (janus === 'error') {
      const { code, reason } = message.error ?? { code: 0, reason: 'The server gave no reason.' }
      pending.reject(new RoomError('janus', reason, code))
    } else {
      pending.resolve(message)
    }
    return true
  }

  /** @returns when `expire` has something to do; Infinity if nothing is pending */
  deadlineMs(): number {
    let first = Infinity
    for (const { deadlineMs } of this.#pending.values()) first = Math.min(first, deadlineMs)
    return first
  }

  /** Rejects what was due at `nowMs` or before. */
  expire(nowMs: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) continue
      this.#pending.delete(id)
      pending.reject(new RoomError('timeout', `The server did not answer in time (${pending.request}).`))
    }
  }

  /** Rejects everything, because the connection is gone. */
  abandon(error: RoomError): void {
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of all) pending.reject(error)
  }
}
