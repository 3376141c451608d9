/** The server's time; tests bring their own. */
export interface Clock {
  /** Milliseconds, monotonic, with the base of `HandlePort.lastActivityMs`. */
  nowMs(): number
  /** Calls back once after `delayMs`. @returns a function that calls it off */
  after(delayMs: number, callback: () => void): () => void
}
