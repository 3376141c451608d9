/**
 * A leaky bucket for what goes out to one connection: a keyframe is spread over time so that it does not fill the
 * queues of the link. What goes out at once is bounded; beyond that video waits.
 */

/** Faster than the estimate by so much (libwebrtc's pacing factor); on a link that was full lately; that is used too much. */
const FACTOR = 2.5
const LIMITED_FACTOR = 1.5
const OVERUSE_FACTOR = 1.25
/** What may go out at once, as time at the pacing rate; never less than two packets. */
const BURST_MS = 20
const MIN_BURST_BYTES = 2400

export class Pace {
  /** Bytes per ms; Infinity = not paced. */
  #bytesPerMs = Number.POSITIVE_INFINITY
  #burstBytes = Number.POSITIVE_INFINITY
  #debtBytes = 0
  #atMs = 0

  /** @param estimateBps of the link @param limited it was full lately @param leastBps it is never slower */
  setRate(estimateBps: number, overused = false, limited = overused, leastBps = 0): void {
    const factor = overused ? OVERUSE_FACTOR : limited ? LIMITED_FACTOR : FACTOR
    this.#bytesPerMs = Math.max(estimateBps * factor, leastBps) / 8000
    this.#burstBytes = Math.max(MIN_BURST_BYTES, this.#bytesPerMs * BURST_MS)
  }

  get rateBps(): number {
    return this.#bytesPerMs * 8000
  }

  /** Whether a packet may go out now. */
  open(nowMs: number): boolean {
    this.#pay(nowMs)
    return this.#debtBytes < this.#burstBytes
  }

  /** When a packet may go out, if nothing else does. */
  opensMs(nowMs: number): number {
    this.#pay(nowMs)
    const over = this.#debtBytes - this.#burstBytes
    return over < 0 ? nowMs : nowMs + Math.max(1, over / this.#bytesPerMs)
  }

  /** Whatever went out counts, waiting or not. */
  sent(bytes: number, nowMs: number): void {
    this.#pay(nowMs)
    this.#debtBytes += bytes
  }

  /** What went out beyond the rate, as time. */
  debtMs(nowMs: number): number {
    this.#pay(nowMs)
    return this.#debtBytes === 0 ? 0 : this.#debtBytes / this.#bytesPerMs
  }

  #pay(nowMs: number): void {
    if (nowMs === this.#atMs) return
    const paid = (nowMs - this.#atMs) * this.#bytesPerMs
    this.#debtBytes = paid >= this.#debtBytes ? 0 : this.#debtBytes - paid
    this.#atMs = nowMs
  }
}
