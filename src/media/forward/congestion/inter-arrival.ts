/**
 * Groups of packets that were sent together, and the time between two groups: when they were sent, and when they
 * arrived (draft-ietf-rmcat-gcc-02 §5.2, and the burst rule of libwebrtc's `InterArrivalDelta`).
 *
 * ```
 * sent      ▮▮▮      ▮▮          a group: all packets within 5 ms of its first
 *           └─ sendDeltaMs ─┘    between the last packets of two groups
 * arrived      ▮ ▮ ▮      ▮ ▮
 *                  └─ arrivalDeltaMs ─┘
 * ```
 */

/** Sent within so long of the first packet of a group: the same group. */
const GROUP_MS = 5
/** What arrives so soon behind the packet before, and sooner than it was sent, was held up and let go at once. */
const BURST_GAP_MS = 5
const BURST_MAX_MS = 100
/** Arrivals that leave our own clock by more than this are of another clock. */
const CLOCK_JUMP_MS = 3000
/** So many groups in a row that arrived before the group before them: the receiver's clock was set back. */
const MAX_REORDERED = 3

interface Group {
  firstSentMs: number
  lastSentMs: number
  firstArrivedMs: number
  lastArrivedMs: number
  /** Our clock when its last packet was reported. */
  reportedMs: number
}

const newGroup = (): Group => ({ firstSentMs: 0, lastSentMs: 0, firstArrivedMs: 0, lastArrivedMs: 0, reportedMs: 0 })

export class InterArrival {
  #current = newGroup()
  #previous = newGroup()
  /** Groups begun since the start or a reset; beyond 2 it does not matter. */
  #groups = 0
  #reordered = 0
  /** Result of the last call of `add` that returned true, in ms. */
  sendDeltaMs = 0
  arrivalDeltaMs = 0

  /**
   * One packet that arrived, in the order of sending. The clocks of `sentMs` and `arrivedMs` need not agree.
   * @param nowMs our clock as we hear of it
   * @returns whether it begins a group, so that the two before it are complete and the deltas are theirs
   */
  add(sentMs: number, arrivedMs: number, nowMs: number): boolean {
    if (this.#groups === 0) this.#begin(sentMs, arrivedMs)
    else if (sentMs < this.#current.firstSentMs) return false
    let complete = false
    if (this.#isNext(sentMs, arrivedMs)) {
      if (this.#groups > 1) {
        complete = this.#compare()
        if (this.#groups === 0) return this.add(sentMs, arrivedMs, nowMs)
      }
      const previous = this.#previous
      this.#previous = this.#current
      this.#current = previous
      this.#begin(sentMs, arrivedMs)
    }
    const group = this.#current
    group.lastSentMs = Math.max(group.lastSentMs, sentMs)
    group.lastArrivedMs = Math.max(group.lastArrivedMs, arrivedMs)
    group.reportedMs = nowMs
    return complete
  }

  reset(): void {
    this.#groups = 0
    this.#reordered = 0
  }

  #begin(sentMs: number, arrivedMs: number): void {
    const group = this.#current
    group.firstSentMs = group.lastSentMs = sentMs
    group.firstArrivedMs = group.lastArrivedMs = arrivedMs
    this.#groups++
  }

  #isNext(sentMs: number, arrivedMs: number): boolean {
    const group = this.#current
    const sendDeltaMs = sentMs - group.lastSentMs
    if (sendDeltaMs === 0) return false
    const arrivalDeltaMs = arrivedMs - group.lastArrivedMs
    const burst =
      arrivalDeltaMs < sendDeltaMs &&
      arrivalDeltaMs <= BURST_GAP_MS &&
      arrivalDeltaMs > -BURST_MAX_MS &&
      arrivedMs - group.firstArrivedMs < BURST_MAX_MS
    return !burst && sentMs - group.firstSentMs > GROUP_MS
  }

  /** Fills the deltas. @returns whether they mean something */
  #compare(): boolean {
    const current = this.#current
    const previous = this.#previous
    const arrivalDeltaMs = current.lastArrivedMs - previous.lastArrivedMs
    if (arrivalDeltaMs - (current.reportedMs - previous.reportedMs) >= CLOCK_JUMP_MS) {
      this.reset()
      return false
    }
    if (arrivalDeltaMs < 0) {
      if (++this.#reordered >= MAX_REORDERED) this.reset()
      return false
    }
    this.#reordered = 0
    this.sendDeltaMs = current.lastSentMs - previous.lastSentMs
    this.arrivalDeltaMs = arrivalDeltaMs
    return true
  }
}
