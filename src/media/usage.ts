/** What a process uses: CPU, memory, and how late its event loop is. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Usage } from './control.js'

/** Finer would be more than everything else that an idle process does. */
const RESOLUTION_MS = 500

/** @returns a function that says it; the lag is that of the time since the last call */
export function watchUsage(): () => Usage {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  // A sample is the time between two ticks: the resolution and the lag.
  const seconds = (nanoseconds: number) =>
    delays.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
  return () => {
    const { user, system } = process.cpuUsage()
    const lagSeconds = { mean: seconds(delays.mean), p99: seconds(delays.percentile(99)), max: seconds(delays.max) }
    delays.reset()
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      heapBytes: process.memoryUsage().heapUsed,
      lagSeconds,
    }
  }
}
