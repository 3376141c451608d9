/** The links to all clients of a router: which connections share one, and when something of them is due. */
import { alignedMs } from './congestion/aligned.js'
import { Bottleneck, type Member } from './congestion/bottleneck.js'
import type { Blame } from './outbox.js'

/** Links are looked at at the same times, so that the router wakes up once for all. */
const TICK_MS = 250
/** While nothing is sent to anybody. What comes of sending again, or another connection, ends that. */
const IDLE_TICK_MS = 5000
/** Packets that wait for their turn are looked after no more often: timers are no finer. */
const MIN_WAIT_MS = 1

/** A connection whose packets wait for their turn. */
export interface Waiter {
  /** Its transport of the io, which names it. */
  readonly transport: number
  /** Sends what may go out. @returns when to call again; Infinity when nothing waits any more */
  drain(nowMs: number): number
}

export class Bottlenecks {
  readonly #byClient = new Map<string, Bottleneck>()
  /** Links with a probe on its way or about to begin. */
  readonly #probing = new Map<Bottleneck, number>()
  readonly #waiters = new Map<Waiter, number>()
  readonly #blame: Blame
  readonly #random: () => number
  #tickMs = Number.POSITIVE_INFINITY
  #deadlineMs = Number.POSITIVE_INFINITY

  /** @param blame for whom something was due when a bug of ours came up @param random uint32 */
  constructor(blame: Blame, random: () => number) {
    this.#random = random
    this.#blame = blame
  }

  get size(): number {
    return this.#byClient.size
  }

  /** When `expire` has something to do, or Infinity. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** `member` is a connection of `client`, as long as it does not leave. */
  join(member: Member, client: string, nowMs: number): Bottleneck {
    let bottleneck = this.#byClient.get(client)
    if (bottleneck === undefined) {
      bottleneck = new Bottleneck(this.#random, ({ transport }, error) => this.#blame(transport, error))
      this.#byClient.set(client, bottleneck)
    }
    bottleneck.add(member)
    this.wake(nowMs)
    return bottleneck
  }

  /** The connection is no part of its client's link any more; the link ends with its last one. */
  leave(member: Member, client: string, nowMs: number): void {
    const bottleneck = this.#byClient.get(client)
    bottleneck?.remove(member, nowMs)
    if (bottleneck === undefined || bottleneck.members.length > 0) return
    this.#byClient.delete(client)
    this.#probing.delete(bottleneck)
  }

  /** Something was learnt about a link: it may want to probe. */
  look(bottleneck: Bottleneck, nowMs: number): void {
    if (!this.#probing.has(bottleneck)) this.#probing.set(bottleneck, nowMs)
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs)
    this.wake(nowMs)
  }

  /** Packets of `waiter` wait until `atMs`. */
  wait(waiter: Waiter, atMs: number): void {
    this.#waiters.set(waiter, atMs)
    this.#deadlineMs = Math.min(this.#deadlineMs, atMs)
  }

  /** Nothing of it waits any more. */
  forget(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  /** Sends what is due: packets that waited, probes; and looks at all links from time to time. */
  expire(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    for (const [waiter, atMs] of this.#waiters) if (nowMs >= atMs) this.#drain(waiter, nowMs)
    if (nowMs >= this.#tickMs) {
      let idle = true
      for (const bottleneck of this.#byClient.values()) {
        this.#tick(bottleneck, nowMs)
        idle &&= bottleneck.idle
      }
      this.#tickMs =
        this.#byClient.size === 0 ? Number.POSITIVE_INFINITY : alignedMs(nowMs, idle ? IDLE_TICK_MS : TICK_MS)
    } else for (const [bottleneck, atMs] of this.#probing) if (nowMs >= atMs) this.#tick(bottleneck, nowMs)
    this.#deadlineMs = Math.min(this.#tickMs, ...this.#waiters.values(), ...this.#probing.values())
  }

  /** One that was idle may not be any more. */
  wake(nowMs: number): void {
    this.#tickMs = Math.min(this.#tickMs, alignedMs(nowMs, TICK_MS))
    this.#deadlineMs = Math.min(this.#deadlineMs, this.#tickMs)
  }

  #drain(waiter: Waiter, nowMs: number): void {
    let next = Number.POSITIVE_INFINITY
    try {
      next = waiter.drain(nowMs)
    } catch (error) {
      this.#blame(waiter.transport, error)
    }
    if (next === Number.POSITIVE_INFINITY) this.#waiters.delete(waiter)
    else this.#waiters.set(waiter, Math.max(next, nowMs + MIN_WAIT_MS))
  }

  #tick(bottleneck: Bottleneck, nowMs: number): void {
    this.#probing.delete(bottleneck)
    const [first] = bottleneck.members
    if (first === undefined) return
    try {
      const next = bottleneck.tick(nowMs)
      if (bottleneck.prober.state === 'sending') this.#probing.set(bottleneck, next)
    } catch (error) {
      // What is done for one member was contained as its own; the rest is done for all: any of them.
      this.#blame(first.transport, error)
    }
  }
}
