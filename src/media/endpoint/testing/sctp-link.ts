/** Two ends of a simulated path for SCTP packets, in virtual time: delay, seeded loss and reordering. */
import { seededRandom } from '../../chance/mulberry32.js'

/** What a link needs of an end. */
export interface LinkEnd {
  receive(nowMs: number, bytes: Uint8Array, offset: number, length: number): void
  expire(nowMs: number): void
  readonly deadlineMs: number
}

export interface LinkOptions {
  /** One way; default 5. */
  delayMs?: number
  /** Share of packets that vanish, 0–1. */
  loss?: number
  /** Share of packets that take three times as long. */
  reorder?: number
  seed?: number
}

export class SctpLink {
  nowMs = 0
  /** Packets handed over so far, by sender. */
  readonly sent: [number, number] = [0, 0]
  /** Looks at every packet before the path takes it; false throws it away. */
  filter: (from: 0 | 1, bytes: Uint8Array) => boolean = () => true
  #options: Required<LinkOptions>
  #ends: [LinkEnd, LinkEnd] | undefined
  #onTheWay: { atMs: number; order: number; to: 0 | 1; bytes: Uint8Array }[] = []
  #order = 0

  constructor(options: LinkOptions = {}) {
    this.#options = { delayMs: 5, loss: 0, reorder: 0, seed: 1, ...options }
    this.random = seededRandom(this.#options.seed)
  }

  connect(a: LinkEnd, b: LinkEnd): void {
    this.#ends = [a, b]
  }

  /** The `transmit` of one end. */
  transmit(from: 0 | 1): (bytes: Uint8Array) => boolean {
    return (bytes) => {
      this.sent[from]++
      if (!this.filter(from, bytes) || this.random() < this.#options.loss) return true
      const delayMs = this.#options.delayMs * (this.random() < this.#options.reorder ? 3 : 1)
      const order = this.#order++
      this.#onTheWay.push({ atMs: this.nowMs + delayMs, order, to: from === 0 ? 1 : 0, bytes: bytes.slice() })
      return true
    }
  }

  /** 0 ≤ x < 1. */
  readonly random: () => number

  /** Lets time pass until `done` holds, nothing is left to happen, or `limitMs` is over. @returns whether `done` holds */
  run(limitMs: number, done: () => boolean = () => false): boolean {
    const untilMs = this.nowMs + limitMs
    const [a, b] = this.#ends!
    while (!done()) {
      this.#onTheWay.sort((x, y) => x.atMs - y.atMs || x.order - y.order)
      const packet = this.#onTheWay[0]
      const nextMs = Math.min(packet?.atMs ?? Number.POSITIVE_INFINITY, a.deadlineMs, b.deadlineMs)
      if (nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      if (packet !== undefined && packet.atMs <= this.nowMs) {
        this.#onTheWay.shift()
        this.#ends![packet.to].receive(this.nowMs, packet.bytes, 0, packet.bytes.length)
      } else {
        a.expire(this.nowMs)
        b.expire(this.nowMs)
      }
    }
    if (!done() && Number.isFinite(untilMs)) this.nowMs = untilMs
    return done()
  }
}
