/** What has come of a WebSocket message that is not whole yet: how much memory it takes, and for how long. */
import type { Clock } from '../clock.js'
import { FrameBoundaries } from './frame-boundaries.js'

/** What a piece takes beside its bytes: each read, and each fragment, is an object of its own. */
const PIECE_BYTES = 256

export interface PartialMessageOptions {
  readonly clock: Clock
  /** Asked when a message begins. */
  timeoutMs(): number
  /** A message has not become whole in time. */
  onLate(): void
}

export class PartialMessage {
  readonly #options: PartialMessageOptions
  readonly #boundaries = new FrameBoundaries()
  #bytes = 0
  #isPaused = false
  /** Time that the message has left, as of when it began or was last paused. */
  #leftMs = 0
  /** Since when time runs, and what calls off its end; undefined while it is paused. */
  #running: { readonly sinceMs: number; readonly stop: () => void } | undefined

  constructor(options: PartialMessageOptions) {
    this.#options = options
  }

  /** Memory that it takes; 0 when the last message is whole. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param bytes all that comes from the client, in order */
  take(bytes: Uint8Array): void {
    const before = this.#boundaries.fragments
    const ended = this.#boundaries.read(bytes)
    const { isInside, fragments } = this.#boundaries
    if (ended) this.close()
    if (!isInside) return
    if (this.#bytes === 0) {
      this.#leftMs = this.#options.timeoutMs()
      if (!this.#isPaused) this.#run()
    }
    // All of the read is kept, whatever part of it belongs to the message.
    const pieces = 1 + (ended ? fragments : fragments - before)
    this.#bytes += bytes.length + pieces * PIECE_BYTES
  }

  /** The socket is not read from now on: the client cannot go on, and time stands still. Twice is harmless. */
  pause(): void {
    this.#isPaused = true
    if (!this.#running) return
    this.#leftMs -= this.#options.clock.nowMs() - this.#running.sinceMs
    this.#stop()
  }

  /** The socket is read again. Twice is harmless. */
  resume(): void {
    this.#isPaused = false
    if (this.#bytes > 0 && !this.#running) this.#run()
  }

  /** Nothing is kept any more. Twice is harmless. */
  close(): void {
    this.#bytes = 0
    this.#stop()
  }

  #run(): void {
    const { clock, onLate } = this.#options
    const stop = clock.after(Math.max(0, this.#leftMs), onLate)
    this.#running = { sinceMs: clock.nowMs(), stop }
  }

  #stop(): void {
    this.#running?.stop()
    this.#running = undefined
  }
}
