/** Whether anybody gets an encoding, here or on another worker: nobody is asked for what nobody needs. */

/** Packets are kept so long after the last one left: it may still ask for some of them. */
const LINGER_MS = 1000
/** What another worker said holds for so long; it says so about once a second while packets come. */
export const ELSEWHERE_MS = 3000

export class Watch {
  #here = 0
  /** Subscriptions that get another encoding until this one sends a keyframe. */
  #waiting = 0
  #elsewhereMs = Number.NEGATIVE_INFINITY
  #lingerMs = Number.NEGATIVE_INFINITY
  /** Anybody gets it or waits for it. */
  watched = false

  /** A subscription gets it from now on. */
  join(): void {
    this.#here++
    this.watched = true
  }

  /** A subscription does not get it any more, but may still ask for what it missed. */
  leave(nowMs: number): void {
    this.#here--
    this.#lingerMs = nowMs + LINGER_MS
    this.#update()
  }

  /** A subscription begins, or ends, to wait for it. */
  wait(count: 1 | -1): void {
    this.#waiting += count
    this.#update()
  }

  /** Somebody gets it on another worker. */
  elsewhere(nowMs: number): void {
    this.#elsewhereMs = nowMs + ELSEWHERE_MS
    this.watched = true
  }

  /** Packets come again after silence, in which nobody elsewhere had anything to say. */
  resume(nowMs: number): void {
    if (this.#elsewhereMs > 0) this.elsewhere(nowMs)
  }

  /** Somebody on another worker has not been heard of for a while. */
  expire(nowMs: number): void {
    if (nowMs < this.#elsewhereMs || this.#elsewhereMs < 0) return
    this.#elsewhereMs = Number.NEGATIVE_INFINITY
    this.#lingerMs = nowMs + LINGER_MS
    this.#update()
  }

  /** Whether packets are still kept. */
  keeps(nowMs: number): boolean {
    return this.watched || nowMs < this.#lingerMs
  }

  #update(): void {
    this.watched = this.#here > 0 || this.#waiting > 0 || this.#elsewhereMs > 0
  }
}
