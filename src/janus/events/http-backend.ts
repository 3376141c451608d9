/**
 * Posts events to a URL, one request at a time, so that they arrive in order. At least once: what was not answered is
 * sent again, with the same `Rostra-Delivery`.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.js'
import { EventQueue, type QueueLimits } from './event-queue.js'
import type { EventBackend, JanusEvent } from './event-stream.js'
import { type Answer, Poster } from './poster.js'

export interface HttpBackendOptions {
  /** `http:` or `https:`; may carry user and password. */
  readonly url: URL
  /** Signs every POST. */
  readonly secret: string
  /** true: a POST is an array of events; false: one event, an object. */
  readonly grouping: boolean
  /** Events in one POST. */
  readonly batchEvents: number
  /** How long an event waits for others to go with. */
  readonly batchDelayMs: number
  readonly queue: QueueLimits
  /** A POST that is not answered within this has failed. */
  readonly timeoutMs: number
  readonly retry: {
    /** Pause after the first failure; doubles with each. */
    readonly firstMs: number
    readonly longestMs: number
    /** How often a POST is sent that the backend fails on (5xx); one that it cannot be reached for is tried until it can. */
    readonly attempts: number
  }
  readonly log: Log
}

/** Totals since the start, and `queued`: events that wait now. */
export type EventCounts = Record<
  'delivered' | 'retried' | 'dropped_queue_full' | 'dropped_rejected' | 'dropped_given_up' | 'dropped_shutdown',
  number
>

export class HttpBackend implements EventBackend {
  readonly counts: EventCounts = {
    delivered: 0,
    retried: 0,
    dropped_queue_full: 0,
    dropped_rejected: 0,
    dropped_given_up: 0,
    dropped_shutdown: 0,
  }
  readonly #options: HttpBackendOptions
  readonly #queue: EventQueue
  readonly #poster: Poster
  readonly #stop = new AbortController()
  /** Ends the wait for a full batch. */
  #hurry = new AbortController()
  #working: Promise<void> | undefined
  #closing = false
  #failing = false

  constructor(options: HttpBackendOptions) {
    this.#options = options
    this.#queue = new EventQueue(options.queue)
    this.#poster = new Poster(options.url, options.secret, options.timeoutMs, this.#stop.signal)
  }

  /** Events that wait. */
  get queued(): number {
    return this.#queue.length
  }

  publish(event: JanusEvent): void {
    if (this.#stop.signal.aborted) {
      this.counts.dropped_shutdown++
      return
    }
    this.counts.dropped_queue_full += this.#queue.add(JSON.stringify(event))
    if (this.#queue.length >= this.#batchEvents) this.#hurry.abort()
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  /** Sends what waits, for `withinMs` at most; the rest is dropped. Twice is harmless. */
  async close(withinMs: number): Promise<void> {
    this.#closing = true
    this.#hurry.abort()
    if (this.#working) {
      const inTime = new AbortController()
      const late = sleep(withinMs, undefined, { signal: inTime.signal }).catch(() => {})
      await Promise.race([this.#working, late])
      inTime.abort()
    }
    this.#stop.abort()
    await this.#working
    this.counts.dropped_shutdown += this.#queue.take(this.#queue.length).length
    this.#poster.close()
  }

  get #batchEvents(): number {
    return this.#options.grouping ? this.#options.batchEvents : 1
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stop.signal.aborted) {
      await this.#gather()
      const batch = this.#queue.take(this.#batchEvents)
      if (batch.length === 0) continue
      const body = this.#options.grouping ? `[${batch.join(',')}]` : batch[0]!
      const outcome = await this.#deliver(body)
      this.counts[outcome] += batch.length
    }
  }

  /** Until a batch is full, or its first event has waited long enough. */
  async #gather(): Promise<void> {
    if (this.#closing || this.#queue.length >= this.#batchEvents) return
    this.#hurry = new AbortController()
    await sleep(this.#options.batchDelayMs, undefined, { signal: this.#hurry.signal }).catch(() => {})
  }

  async #deliver(body: string): Promise<keyof EventCounts> {
    const { retry } = this.#options
    const delivery = randomUUID()
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#poster.post(body, delivery, this.counts.dropped_queue_full)
      this.#report(answer)
      if (answer.kind === 'taken') return 'delivered'
      if (answer.kind === 'refused') return 'dropped_rejected'
      if (this.#stop.signal.aborted) return 'dropped_shutdown'
      if (answer.kind === 'failed' && attempt >= retry.attempts) return 'dropped_given_up'
      this.counts.retried++
      const pauseMs = Math.min(retry.longestMs, retry.firstMs * 2 ** Math.min(attempt - 1, 30))
      // Between half and all of it, so that many servers do not come back at once.
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  /** One line when it begins to fail and one when it is over, however often it is tried. */
  #report({ kind, reason }: Answer): void {
    const failing = kind !== 'taken'
    if (failing === this.#failing) return
    this.#failing = failing
    const { host } = this.#options.url
    if (failing) this.#options.log.warn({ host, reason }, 'events cannot be delivered')
    else this.#options.log.info({ host }, 'events are delivered again')
  }
}
