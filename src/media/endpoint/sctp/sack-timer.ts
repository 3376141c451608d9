/** When what has arrived is acknowledged (RFC 9260 §6.2): every second packet and whatever is urgent at once, others a little later. */

/** §6.2: at most 200 ms. */
const SACK_DELAY_MS = 50
const MAX_UNACKED_PACKETS = 2

export class SackTimer {
  #deadlineMs = Number.POSITIVE_INFINITY
  #unackedPackets = 0

  /** When a SACK has to go out; Infinity when there is nothing to acknowledge. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** There is something to acknowledge, now or later. */
  get isSet(): boolean {
    return this.#deadlineMs !== Number.POSITIVE_INFINITY
  }

  /** A packet with DATA or FORWARD-TSN has come. @param isUrgent to be acknowledged at once */
  received(nowMs: number, isUrgent: boolean): void {
    this.#unackedPackets++
    if (isUrgent || this.#unackedPackets >= MAX_UNACKED_PACKETS) this.#deadlineMs = nowMs
    else this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + SACK_DELAY_MS)
  }

  /** Everything that has come is acknowledged, or forgotten. */
  clear(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    this.#unackedPackets = 0
  }
}
