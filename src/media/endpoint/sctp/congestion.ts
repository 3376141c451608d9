/** Round-trip estimate and congestion window of one association (RFC 9260 §6.3.1 and §7.2). */
import { MAX_PACKET_BYTES } from './packet.js'

const RTO_INITIAL_MS = 500
/** Above the 200 ms that a peer may delay its SACK (§6.2). */
const RTO_MIN_MS = 400
/** Far below the 60 s of §16: a path that is down longer loses ICE consent, one that is not should recover soon. */
const RTO_MAX_MS = 4_000
const INITIAL_CWND_BYTES = 10 * MAX_PACKET_BYTES
const MIN_SSTHRESH_BYTES = 4 * MAX_PACKET_BYTES

export class RoundTrip {
  /** Retransmission timeout. */
  rtoMs = RTO_INITIAL_MS
  #smoothedMs = -1
  #variationMs = 0

  /** @param rttMs from sending a chunk to its acknowledgement; never of a chunk that was sent twice */
  measure(rttMs: number): void {
    if (this.#smoothedMs < 0) {
      this.#smoothedMs = rttMs
      this.#variationMs = rttMs / 2
    } else {
      this.#variationMs = 0.75 * this.#variationMs + 0.25 * Math.abs(this.#smoothedMs - rttMs)
      this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * rttMs
    }
    this.rtoMs = Math.min(Math.max(this.#smoothedMs + 4 * this.#variationMs, RTO_MIN_MS), RTO_MAX_MS)
  }

  /** The timer ran out. */
  backOff(): void {
    this.rtoMs = Math.min(this.rtoMs * 2, RTO_MAX_MS)
  }
}

export class CongestionWindow {
  /** Bytes of user data that may be on their way. */
  bytes = INITIAL_CWND_BYTES
  #ssthreshBytes = Number.POSITIVE_INFINITY
  #partialAckedBytes = 0

  /** The cumulative TSN moved (§7.2.1, §7.2.2): grows if the window was in use. */
  acknowledged(ackedBytes: number, flightBefore: number): void {
    if (flightBefore + MAX_PACKET_BYTES <= this.bytes) return
    if (this.bytes <= this.#ssthreshBytes) {
      this.bytes += Math.min(ackedBytes, MAX_PACKET_BYTES)
      return
    }
    this.#partialAckedBytes += ackedBytes
    if (this.#partialAckedBytes < this.bytes) return
    this.#partialAckedBytes -= this.bytes
    this.bytes += MAX_PACKET_BYTES
  }

  /** Gap reports showed a loss (§7.2.3). */
  lost(): void {
    this.#ssthreshBytes = Math.max(this.bytes / 2, MIN_SSTHRESH_BYTES)
    this.bytes = this.#ssthreshBytes
    this.#partialAckedBytes = 0
  }

  /** The retransmission timer ran out (§7.2.3). */
  timedOut(): void {
    this.lost()
    this.bytes = MAX_PACKET_BYTES
  }
}
