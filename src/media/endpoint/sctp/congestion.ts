/** Round-trip estimate and congestion window of one association (RFC 9260 §6.3.1 and §7.2). */
import { MAX_PACKET_BYTES } from './packet.js'

const RTO_INITIAL_MS = 500
/** Above the 200 ms that a peer may delay its SACK (§6.2). */
const RTO_MIN_MS = 400
/** Far below the 60 s of §16: a path that is down longer loses ICE consent, one that is not should recover soon. */
const RTO_MAX_MS = 4_000
/** RFC 6928 §2, as browsers have it: §7.2.1 allows 4. */
const INITIAL_CWND_BYTES = 10 * MAX_PACKET_BYTES
const MIN_SSTHRESH_BYTES = 4 * MAX_PACKET_BYTES
/**
 * Packets that may go out at once. §6.1 D proposes 4, for peers that acknowledge every second packet; whoever
 * acknowledges a whole batch of them may be answered with twice as many, as slow start doubles, and these.
 */
const MAX_BURST_BYTES = 4 * MAX_PACKET_BYTES

export class RoundTrip {
  /** Retransmission timeout of what is sent for the first time. */
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

  /** Infinity before the first measurement. */
  get smoothedMs(): number {
    return this.#smoothedMs < 0 ? Number.POSITIVE_INFINITY : this.#smoothedMs
  }

  /** Timeout after so many in a row (§6.3.3 E2). What the peer acknowledges ends the row, not only a new measurement. */
  backedOffMs(timeouts: number): number {
    return Math.min(this.rtoMs * 2 ** timeouts, RTO_MAX_MS)
  }
}

export class CongestionWindow {
  /** Bytes of user data that may be on their way. */
  bytes = INITIAL_CWND_BYTES
  /** Bytes that may still go out at once; see `beginBurst`. */
  burstBytes = INITIAL_CWND_BYTES
  /** Whether it was the window that kept data from being sent when there was last a chance to. */
  wasFull = false
  #ackedBytes = 0
  #ssthreshBytes = Number.POSITIVE_INFINITY
  #partialAckedBytes = 0
  /** Before the last cut that `keep` was called for. */
  #kept = { bytes: 0, ssthreshBytes: 0 }

  /** Something was acknowledged. */
  acknowledged(ackedBytes: number): void {
    this.#ackedBytes += ackedBytes
  }

  /** The cumulative TSN moved outside of loss recovery (§7.2.1, §7.2.2): grows if the window was in use. */
  grow(ackedBytes: number): void {
    if (!this.wasFull) return
    // By what was acknowledged, as RFC 9002 §7.3.1 has it: a SACK may stand for a whole batch of packets, and how many
    // may follow it at once is limited by `beginBurst`. Past the threshold by a packet only: more would undo a cut.
    const roomBytes = this.bytes <= this.#ssthreshBytes ? this.#ssthreshBytes - this.bytes + MAX_PACKET_BYTES : 0
    const slowStartBytes = Math.min(ackedBytes, roomBytes)
    this.bytes += slowStartBytes
    this.#partialAckedBytes += ackedBytes - slowStartBytes
    if (this.#partialAckedBytes < this.bytes) return
    this.#partialAckedBytes -= this.bytes
    this.bytes += MAX_PACKET_BYTES
  }

  /** Packets are about to be sent. @param flightBytes what is on its way already */
  beginBurst(flightBytes: number): void {
    const bytes = 2 * this.#ackedBytes + MAX_BURST_BYTES
    this.burstBytes = flightBytes === 0 ? Math.max(bytes, INITIAL_CWND_BYTES) : bytes
    this.#ackedBytes = 0
  }

  /** Nothing has been on its way for `idleMs` (§7.2.1): half the window is forgotten each RTO, down to the first one. */
  idle(idleMs: number, rtoMs: number): void {
    for (let leftMs = idleMs; leftMs >= rtoMs && this.bytes > INITIAL_CWND_BYTES; leftMs -= rtoMs) {
      this.bytes = Math.max(this.bytes / 2, INITIAL_CWND_BYTES)
      this.#kept.bytes = Math.min(this.#kept.bytes, this.bytes)
    }
  }

  /** What `undo` brings back: to be called before a cut. */
  keep(): void {
    this.#kept.bytes = this.bytes
    this.#kept.ssthreshBytes = this.#ssthreshBytes
  }

  /** What it was cut for was no loss: all of the cut is taken back. What goes out at once stays bounded by `beginBurst`. */
  undo(): void {
    this.bytes = Math.max(this.bytes, this.#kept.bytes)
    this.#ssthreshBytes = Math.max(this.#ssthreshBytes, this.#kept.ssthreshBytes)
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
