/** Slows down connections that send requests faster than they may. */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { RateLimit } from './rate-limit.js'

/** Requests of one connection that may wait: only a client that sends without waiting for replies has more than one. */
const WAITING_MAX = 64

export class RequestPace {
  readonly #clock: Clock
  readonly #connections = new WeakMap<Socket, { readonly rate: RateLimit; waiting: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Counts a request.
   * @param perSecond 0 = no limit; a connection keeps the one that it began with
   * @returns undefined if it may go on, when it may go on, or that too many wait already
   */
  admit(socket: Socket, perSecond: number): Promise<void> | 'refused' | undefined {
    const connection = this.#connections.get(socket) ?? { rate: new RateLimit(perSecond), waiting: 0 }
    this.#connections.set(socket, connection)
    const nowMs = this.#clock.nowMs()
    const waitMs = connection.rate.waitMs(nowMs)
    if (waitMs > 0 && connection.waiting >= WAITING_MAX) return 'refused'
    connection.rate.take(nowMs)
    if (waitMs === 0) return undefined
    connection.waiting++
    return new Promise((resolve) => {
      this.#clock.after(waitMs, () => {
        connection.waiting--
        resolve()
      })
    })
  }
}
