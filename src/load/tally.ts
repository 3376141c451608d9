/** What all users of a run count together. */
import { type Latencies, Latency } from './latency.js'

export type TrafficKind = 'audio' | 'video' | 'data'

export interface TrafficFigures {
  /** Packets or messages that left while it was measured. */
  readonly sent: number
  /** Those times everybody who was to get them then. */
  readonly expected: number
  readonly received: number
  readonly sentBytes: number
  readonly receivedBytes: number
  /** From sending to receiving, both in this process. */
  readonly latency: Latencies
}

/** One kind of traffic. What comes twice is counted twice. */
export class Traffic {
  #sent = 0
  #expected = 0
  #received = 0
  #sentBytes = 0
  #receivedBytes = 0
  readonly #latency = new Latency()

  /** @param receivers how many are to get it */
  left(bytes: number, receivers: number): void {
    this.#sent++
    this.#expected += receivers
    this.#sentBytes += bytes
  }

  came(bytes: number, micros: number): void {
    this.#received++
    this.#receivedBytes += bytes
    this.#latency.record(micros)
  }

  get received(): number {
    return this.#received
  }

  get isComplete(): boolean {
    return this.#received >= this.#expected
  }

  read(): TrafficFigures {
    return {
      sent: this.#sent,
      expected: this.#expected,
      received: this.#received,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      latency: this.#latency.read(),
    }
  }
}

/** Different errors that are told apart; others are counted together. */
const ERROR_KINDS_MAX = 20

export class Tally {
  readonly traffic: Record<TrafficKind, Traffic> = { audio: new Traffic(), video: new Traffic(), data: new Traffic() }
  /** From the connection to the reply to `join`. */
  readonly joining = new Latency()
  /** From the publisher's offer to its PeerConnection being up. */
  readonly publishing = new Latency()
  /** From `attach` to the subscriber's PeerConnection being up. */
  readonly subscribing = new Latency()
  joined = 0
  /** PeerConnections that came up, and of these those that are up now. */
  connected = 0
  connectedNow = 0
  readonly errors = new Map<string, number>()

  failed(reason: string): void {
    const kind = this.errors.has(reason) || this.errors.size < ERROR_KINDS_MAX ? reason : 'other errors'
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1)
  }

  get failures(): number {
    return [...this.errors.values()].reduce((sum, count) => sum + count, 0)
  }
}
