/**
 * When to find out whether the link holds more than the estimate, and how: a cluster of packets for 20 ms at a higher
 * rate. At the start the rate is tripled, then doubled as long as all comes through; later it is tried again whenever
 * more is wanted than the estimate allows, less often while it is in vain.
 */
import type { Cluster, ProbeResult } from './probe-estimator.js'

const CLUSTER_MS = 20
/** Too little of it went out by then: media took all of the rate. */
const MAX_CLUSTER_MS = 200
/** Time between two bursts of a cluster. */
export const PROBE_TICK_MS = 5
const MIN_PACKETS = 5
/** As many bytes as that many packets of media have: where the rate is low they take longer than a cluster should. */
const LEAST_BYTES = MIN_PACKETS * 1500
/** A cluster is sent at this multiple of the estimate: the very first one, and the others. */
const FIRST_FACTOR = 3
const FACTOR = 2
/** What is wanted fits for sure in so much more, with room for layers that vary; no more than so much of it is tried. */
const ENOUGH_FACTOR = 1.15
const WANTED_FACTOR = 1.3
/** A result above this share of what was tried is worth another try at once. */
const PROMISING = 0.7
const INTERVAL_MS = 2000
const MAX_INTERVAL_MS = 4500
const INTERVAL_GROWTH = 1.5
/** Intervals differ by so much of them: clients behind one line would otherwise probe at the same time, and see each other. */
const SPREAD = 0.3
/** Feedback that is later than the round trip and this does not come. */
const PATIENCE_MS = 500

export class Prober {
  /** What is being sent or waited for; who sends its packets counts them here. */
  readonly cluster: Cluster = { id: 0, packets: 0, bytes: 0 }
  /** What other connections of the client send meanwhile. */
  readonly beside: Cluster = { id: 0, packets: 0, bytes: 0 }
  #rateBps = 0
  #state: 'idle' | 'sending' | 'waiting' = 'idle'
  #startedMs = 0
  #dueMs = Number.NEGATIVE_INFINITY
  #intervalMs = INTERVAL_MS
  #tried = false
  readonly #random: () => number

  /** @param random uint32 */
  constructor(random: () => number = () => 0) {
    this.#random = random
  }

  get state(): 'idle' | 'sending' | 'waiting' {
    return this.#state
  }

  /** What the next cluster would be sent at in all, or 0 when there is nothing to find out now. */
  plan(estimateBps: number, wantedBps: number, nowMs: number): number {
    if (this.#state !== 'idle' || nowMs < this.#dueMs || wantedBps * ENOUGH_FACTOR <= estimateBps) return 0
    return Math.min(estimateBps * (this.#tried ? FACTOR : FIRST_FACTOR), wantedBps * WANTED_FACTOR)
  }

  /** A cluster begins. @param rateBps of all connections together */
  begin(rateBps: number, nowMs: number): void {
    const { cluster, beside } = this
    beside.id = cluster.id = (cluster.id % 255) + 1
    cluster.packets = cluster.bytes = beside.packets = beside.bytes = 0
    this.#rateBps = rateBps
    this.#state = 'sending'
    this.#startedMs = nowMs
    this.#tried = true
  }

  /** Bytes that have to go out now so that the rate is kept, what was sent so far left out; 0 = not yet. */
  owed(nowMs: number): number {
    if (this.#state !== 'sending') return 0
    const elapsedMs = nowMs - this.#startedMs
    const bytesIn = (ms: number) => (this.#rateBps * (ms + PROBE_TICK_MS)) / 8000
    // Who comes late, since the machine was busy, does not send all that was missed at once.
    const due = Math.max(bytesIn(Math.min(elapsedMs, CLUSTER_MS)), Math.min(bytesIn(elapsedMs), LEAST_BYTES))
    return Math.max(0, due - this.cluster.bytes - this.beside.bytes)
  }

  /** Whether the cluster is complete; then its result is waited for. */
  complete(nowMs: number): boolean {
    if (this.#state !== 'sending') return false
    const elapsedMs = nowMs - this.#startedMs
    if (elapsedMs < CLUSTER_MS || (this.cluster.packets < MIN_PACKETS && elapsedMs < MAX_CLUSTER_MS)) return false
    this.#state = 'waiting'
    return true
  }

  /** There is nothing to probe with now. */
  abandon(nowMs: number): void {
    this.#state = 'idle'
    this.#dueMs = nowMs + this.#spread(this.#intervalMs)
  }

  /** Whether no result will come any more. */
  overdue(rttMs: number, nowMs: number): boolean {
    return this.#state === 'waiting' && nowMs - this.#startedMs > CLUSTER_MS + rttMs + PATIENCE_MS
  }

  /** @param result null = not enough came through to say anything */
  finish(result: ProbeResult | null, nowMs: number): void {
    this.#state = 'idle'
    if (result !== null && !result.full && result.bps > this.#rateBps * PROMISING) {
      this.#intervalMs = INTERVAL_MS
      this.#dueMs = nowMs
      return
    }
    this.#dueMs = nowMs + this.#spread(this.#intervalMs)
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * INTERVAL_GROWTH)
  }

  /** The link was used too much: not now. */
  holdOff(nowMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, nowMs + this.#spread(INTERVAL_MS))
    this.#intervalMs = INTERVAL_MS
  }

  #spread(ms: number): number {
    return ms * (1 + (SPREAD * this.#random()) / 2 ** 32)
  }
}
