/** The time between "no new sessions" and the end, in which those that are there may finish. */

const LOOK_MS = 100

export interface Drain {
  /** Also after the end of the wait. */
  readonly draining: boolean
  /** @returns when no session is left or the time is over, whichever comes first; at once when called off */
  wait(limitMs: number): Promise<void>
  /** Ends the wait. */
  callOff(): void
}

/** @param begin stops new sessions @param sessions how many there are */
export function createDrain(begin: () => void, sessions: () => number): Drain {
  let draining = false
  let finish: () => void = () => {}
  return {
    get draining() {
      return draining
    },
    wait(limitMs) {
      draining = true
      begin()
      return new Promise<void>((resolve) => {
        const look = setInterval(() => sessions() === 0 && finish(), LOOK_MS)
        const limit = setTimeout(() => finish(), limitMs)
        finish = () => {
          clearInterval(look)
          clearTimeout(limit)
          resolve()
        }
        if (limitMs === 0 || sessions() === 0) finish()
      })
    },
    callOff: () => finish(),
  }
}
