/** The server's time; tests bring their own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  nowMs(): number
  /** Calls back once after `delayMs`. @returns a function that calls it off */
  after(delayMs: number, callback: () => void): () => void
}

/** Time as it passes. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref()
    return () => clearTimeout(timer)
  },
}
