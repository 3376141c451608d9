/** What has come of a WebSocket message that is not whole yet: how much memory it takes, and for how long. */
import type { Clock } from '../clock.js'
import { FrameBoundaries } from './frame-boundaries.js'

/** What a piece takes beside its bytes: each read, and each fragment, is an object of its own. */
const PIECE_BYTES = 256

export interface PartialMessageOptions {
  readonly clock: Clock
  /** Asked when a message begins. */
  timeoutMs(): number
  /** The socket is not read at the moment: the client cannot do better. */
  isPaused(): boolean
  /** A message has not become whole in time. */
  onLate(): void
}

export class PartialMessage {
  readonly #options: PartialMessageOptions
  readonly #boundaries = new FrameBoundaries()
  #bytes = 0
  /** Calls off the end of its time. */
  #endTime: (() => void) | undefined

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
    // All of the read is kept, whatever part of it belongs to the message.
    const pieces = 1 + (ended ? fragments : fragments - before)
    this.#bytes += bytes.length + pieces * PIECE_BYTES
    this.#endTime ??= this.#startTime()
  }

  /** Nothing is kept any more. Twice is harmless. */
  close(): void {
    this.#bytes = 0
    this.#endTime?.()
    this.#endTime = undefined
  }

  #startTime(): () => void {
    const { clock, timeoutMs, isPaused, onLate } = this.#options
    return clock.after(timeoutMs(), () => {
      this.#endTime = undefined
      if (isPaused()) this.#endTime = this.#startTime()
      else onLate()
    })
  }
}
