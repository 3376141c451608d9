/** What a process uses: CPU, memory, and how late its event loop is. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Usage } from './control.js'

/** Finer would be more than everything else that an idle process does. */
const RESOLUTION_MS = 500
/** Whoever asks hears of the present window and the one before, however many ask: nothing is missed in between. */
const WINDOW_MS = 15_000

type Lag = Usage['lagSeconds']

/** @returns a function that says it; the lag is that of the last 15 to 30 s */
export function watchUsage(): () => Usage {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let sinceMs = performance.now()
  let before: Lag = { mean: 0, p99: 0, max: 0 }
  // A sample is the time between two ticks: the resolution and the lag.
  const seconds = (nanoseconds: number) =>
    delays.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
  const lag = (): Lag => {
    const now = { mean: seconds(delays.mean), p99: seconds(delays.percentile(99)), max: seconds(delays.max) }
    const worst = { mean: now.mean, p99: Math.max(now.p99, before.p99), max: Math.max(now.max, before.max) }
    if (performance.now() - sinceMs > WINDOW_MS) {
      sinceMs = performance.now()
      before = now
      delays.reset()
    }
    return worst
  }
  return () => {
    const { user, system } = process.cpuUsage()
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      heapBytes: process.memoryUsage().heapUsed,
      lagSeconds: lag(),
    }
  }
}
