/** Calls `send` at an even rate: what the timer missed is made up for, as a burst no longer than it was late. */
export async function pace(ratePerSecond: number, seconds: number, send: () => void, flush: () => void): Promise<void> {
  const total = Math.round(ratePerSecond * seconds)
  const startMs = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1_000) * ratePerSecond))
      for (; sent < due; sent++) send()
      flush()
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}
