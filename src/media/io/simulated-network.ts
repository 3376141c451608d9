/**
 * A network in virtual time: a clock, links between hosts with loss, delay, jitter, reordering, duplicates
 * and a rate, and one seeded source of chance. The same seed and the same calls give the same run.
 *
 * ```ts
 * const net = new SimulatedNetwork({ seed: 42, conditions: { loss: 0.05, delayMs: 40 } })
 * net.link('10.0.0.2', '10.0.0.1', { loss: 0.2 })            // one direction
 * net.run({ untilMs: 20_000 })
 * ```
 */

import { mulberry32 } from '../chance/mulberry32.js'
import { type LinkChances, type LinkConditions, SimulatedLink } from './simulated-link.js'

export type { LinkConditions } from './simulated-link.js'

export interface SimulatedAddress {
  /** IPv4 literal. */
  ip: string
  port: number
}

/** What crosses the network. Its kind stands for what ciphertext would show to nobody but the two ends. */
export interface Datagram {
  kind: 'plain' | 'rtp' | 'rtcp' | 'data' | 'hello' | 'answer' | 'finish' | 'done' | 'alert'
  /** Clear bytes; empty in the handshake. */
  bytes: Uint8Array
  /** Length on the wire as a UDP payload, tags and record headers included. */
  wireBytes: number
  /** Stands for the keys: who does not know it cannot make a datagram that opens. */
  session: number
  /** SRTP or SRTCP index, or DTLS record number. */
  index: number
  /** The sender's certificate has it; in the handshake. */
  fingerprint?: string
  /** SRTP profiles offered (hello) or chosen (answer). */
  profiles?: readonly number[]
}

/** One line of what happened, for comparing runs. */
export interface TraceEntry {
  atMs: number
  from: string
  to: string
  kind: Datagram['kind']
  wireBytes: number
  fate: 'arrived' | 'lost' | 'overflow' | 'unreachable'
}

export interface NetworkOptions {
  seed: number
  /** Conditions of every link that `link` does not change. */
  conditions?: Partial<LinkConditions>
  /** Time of the start, default 0. */
  nowMs?: number
  trace?: (entry: TraceEntry) => void
}

type Receiver = (from: SimulatedAddress, datagram: Datagram) => void

interface Event {
  atMs: number
  /** Events of one instant happen in the order in which they were scheduled. */
  order: number
  run: () => void
  cancelled: boolean
}

const FIRST_FREE_PORT = 40_000

export const addressKey = (address: SimulatedAddress): string => `${address.ip}:${address.port}`

export class SimulatedNetwork {
  #nowMs: number
  #order = 0
  #heap: Event[] = []
  #default: Partial<LinkConditions>
  #links = new Map<string, SimulatedLink>()
  #receivers = new Map<string, Receiver>()
  /** Until when the program on a host is too busy to read, by its IP. */
  #busyUntilMs = new Map<string, number>()
  #trace: ((entry: TraceEntry) => void) | undefined

  constructor(options: NetworkOptions) {
    this.#nowMs = options.nowMs ?? 0
    this.random = mulberry32(options.seed)
    this.#default = options.conditions ?? {}
    this.#trace = options.trace
  }

  /** The virtual clock; a method too, since hosts want one: `network.clock()`. */
  get nowMs(): number {
    return this.#nowMs
  }

  readonly clock = (): number => this.#nowMs

  /** Uniform uint32. */
  readonly random: () => number

  /** A digest as of a certificate: 32 bytes, upper-case hex with colons. */
  newFingerprint(): string {
    const bytes = Array.from({ length: 32 }, () => this.random() & 0xff)
    return bytes.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')
  }

  /** Runs `run` at `atMs`, or as soon as possible if that is past. @returns a function that cancels it */
  schedule(atMs: number, run: () => void): () => void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run, cancelled: false }
    if (atMs === Number.POSITIVE_INFINITY) return () => {}
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** One alarm clock: each call replaces what the one before set; Infinity cancels. Fits a worker's `wakeAt`. */
  alarm(): (atMs: number, wake: () => void) => void {
    let cancel = () => {}
    return (atMs, wake) => {
      cancel()
      cancel = this.schedule(atMs, wake)
    }
  }

  /** From now on the program at `ip` reads nothing for `ms`: what arrives waits in its sockets. The worker's own timers ring all the same. */
  stall(ip: string, ms: number): void {
    this.#busyUntilMs.set(ip, this.#nowMs + ms)
  }

  /** When the program at `ip` reads what arrives now. */
  readsAtMs(ip: string): number {
    return Math.max(this.#nowMs, this.#busyUntilMs.get(ip) ?? 0)
  }

  /** Lets time pass: everything up to and at `untilMs` happens, and then it is `untilMs`. */
  run(options: { untilMs: number }): void {
    this.#advance(options.untilMs, () => false)
    if (this.#nowMs < options.untilMs) this.#nowMs = options.untilMs
  }

  /**
   * Lets time pass until `done` holds, looked at after every event.
   * @throws Error when it does not within `timeoutMs` (default 30,000) of virtual time
   */
  runUntil(done: () => boolean, timeoutMs = 30_000): void {
    const untilMs = this.#nowMs + timeoutMs
    if (done() || this.#advance(untilMs, done)) return
    throw new Error(`not so after ${timeoutMs} ms of virtual time`)
  }

  /** Changes the conditions of one direction; what is not given stays. Ports of a host share its links. */
  link(fromIp: string, toIp: string, conditions: Partial<LinkConditions>): void {
    const link = this.#link(fromIp, toIp)
    link.conditions = { ...link.conditions, ...conditions }
  }

  /**
   * Lets several directions share one link, as people behind one access line do.
   * @param directions pairs of IPs: from, to
   * @returns the link; its `conditions` may be changed at any time
   */
  share(directions: readonly (readonly [fromIp: string, toIp: string])[], conditions: Partial<LinkConditions>) {
    const link = new SimulatedLink({ ...this.#default, ...conditions })
    for (const [fromIp, toIp] of directions) this.#links.set(`${fromIp}>${toIp}`, link)
    return link
  }

  /**
   * Takes an address. Port 0 takes the next free one.
   * @throws Error with `code` EADDRINUSE when it is taken
   */
  bind(address: SimulatedAddress, receiver: Receiver): SimulatedAddress {
    const bound = { ...address }
    if (bound.port === 0) {
      bound.port = FIRST_FREE_PORT
      while (this.#receivers.has(addressKey(bound))) bound.port++
    }
    const key = addressKey(bound)
    if (this.#receivers.has(key)) throw Object.assign(new Error(`${key} is taken`), { code: 'EADDRINUSE' })
    this.#receivers.set(key, receiver)
    return bound
  }

  /** Gives an address back; what is under way to it is lost. */
  unbind(address: SimulatedAddress): void {
    this.#receivers.delete(addressKey(address))
  }

  /** Sends a datagram; its bytes must not change afterwards. */
  send(from: SimulatedAddress, to: SimulatedAddress, datagram: Datagram): void {
    const link = this.#link(from.ip, to.ip)
    // Drawn for every datagram, whatever happens to it: changing one condition leaves the chances of others alone.
    const chances: LinkChances = {
      loss: this.#chance(),
      jitter: this.#chance(),
      reorder: this.#chance(),
      duplicate: this.#chance(),
    }
    const arrivalMs = link.send(this.#nowMs, datagram.wireBytes, chances)
    if (link.fate !== 'arrived') return this.#record(from, to, datagram, link.fate)
    const copies = link.twice(chances) ? 2 : 1
    for (let i = 0; i < copies; i++) this.schedule(arrivalMs, () => this.#arrive(from, to, datagram))
  }

  #arrive(from: SimulatedAddress, to: SimulatedAddress, datagram: Datagram): void {
    const receiver = this.#receivers.get(addressKey(to))
    this.#record(from, to, datagram, receiver ? 'arrived' : 'unreachable')
    receiver?.(from, datagram)
  }

  #record(from: SimulatedAddress, to: SimulatedAddress, { kind, wireBytes }: Datagram, fate: TraceEntry['fate']): void {
    this.#trace?.({ atMs: this.#nowMs, from: addressKey(from), to: addressKey(to), kind, wireBytes, fate })
  }

  #chance(): number {
    return this.random() / 0x100000000
  }

  #link(fromIp: string, toIp: string): SimulatedLink {
    const key = `${fromIp}>${toIp}`
    let link = this.#links.get(key)
    if (!link) {
      link = new SimulatedLink(this.#default)
      this.#links.set(key, link)
    }
    return link
  }

  /** @returns whether `done` held */
  #advance(untilMs: number, done: () => boolean): boolean {
    for (let event = this.#heap[0]; event && event.atMs <= untilMs; event = this.#heap[0]) {
      this.#pop()
      if (event.cancelled) continue
      this.#nowMs = event.atMs
      event.run()
      if (done()) return true
    }
    return false
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (child >= heap.length || !before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
