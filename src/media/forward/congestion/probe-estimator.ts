/**
 * What a burst of packets, sent faster than the estimate, says about the link: it holds what came through, or what was
 * sent if all of that came through (libwebrtc's `ProbeBitrateEstimator`).
 */
import { NO_CLUSTER } from './sent-packets.js'

/** So much of the packets, and of the bytes, of a cluster must have arrived. */
const ENOUGH = 0.8
const MIN_PACKETS = 4
/** Longer than this it was no burst. */
const MAX_INTERVAL_MS = 1000
/** Faster than it was sent by more than this: held up on the way and let go at once. */
const MAX_RATIO = 2
/** Below this share of the sending rate the link is full; a little less than it holds is used. */
const FULL = 0.9
const FULL_USE = 0.95

/** A cluster, counted while it is sent. */
export interface Cluster {
  /** 1–255. */
  id: number
  packets: number
  bytes: number
}

export interface ProbeResult {
  bps: number
  /** The link did not hold what was sent. */
  full: boolean
}

export class ProbeEstimator {
  #cluster = NO_CLUSTER
  #packets = 0
  #bytes = 0
  #firstSentMs = 0
  #lastSentMs = 0
  #lastSentBytes = 0
  #firstArrivedMs = 0
  #firstArrivedBytes = 0
  #lastArrivedMs = 0

  /** A packet of a cluster arrived. Those of another cluster than the last are of a new one. */
  add(cluster: number, sentMs: number, arrivedMs: number, bytes: number): void {
    if (cluster === NO_CLUSTER) return
    if (cluster !== this.#cluster) this.#begin(cluster, sentMs, arrivedMs, bytes)
    this.#packets++
    this.#bytes += bytes
    // The last instant of sending says nothing of how long its packets took, nor does the first arrival.
    if (sentMs > this.#lastSentMs) {
      this.#lastSentMs = sentMs
      this.#lastSentBytes = 0
    }
    if (sentMs === this.#lastSentMs) this.#lastSentBytes += bytes
    this.#firstSentMs = Math.min(this.#firstSentMs, sentMs)
    if (arrivedMs < this.#firstArrivedMs) {
      this.#firstArrivedMs = arrivedMs
      this.#firstArrivedBytes = bytes
    }
    this.#lastArrivedMs = Math.max(this.#lastArrivedMs, arrivedMs)
  }

  /**
   * What the cluster says so far, or null when too little of it arrived, or nothing that can be believed.
   * @param ownLoss share of packets that the link loses at any rate
   */
  result(sent: Cluster, ownLoss = 0): ProbeResult | null {
    const enough = ENOUGH * (1 - ownLoss)
    if (sent.id !== this.#cluster || this.#packets < Math.max(MIN_PACKETS, sent.packets * enough)) return null
    if (this.#bytes < sent.bytes * enough) return null
    const sendMs = this.#lastSentMs - this.#firstSentMs
    const arriveMs = this.#lastArrivedMs - this.#firstArrivedMs
    if (sendMs <= 0 || sendMs > MAX_INTERVAL_MS || arriveMs <= 0 || arriveMs > MAX_INTERVAL_MS) return null
    const sentBps = ((this.#bytes - this.#lastSentBytes) * 8000) / sendMs
    const arrivedBps = ((this.#bytes - this.#firstArrivedBytes) * 8000) / arriveMs
    if (arrivedBps > sentBps * MAX_RATIO) return null
    const full = arrivedBps < sentBps * FULL
    return { bps: full ? arrivedBps * FULL_USE : Math.min(sentBps, arrivedBps), full }
  }

  #begin(cluster: number, sentMs: number, arrivedMs: number, bytes: number): void {
    this.#cluster = cluster
    this.#packets = this.#bytes = this.#lastSentBytes = 0
    this.#firstSentMs = this.#lastSentMs = sentMs
    this.#firstArrivedMs = this.#lastArrivedMs = arrivedMs
    this.#firstArrivedBytes = bytes
  }
}
