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

/**
 * Sent before measuring, the same to both: compiling and tidying up after the start is not what is asked about. First
 * faster than what is measured, so that what runs once per packet is compiled as it is in a server that has been up
 * for a minute.
 */
export async function warmUp(ratePerSecond: number, send: () => void, flush: () => void): Promise<void> {
  await pace(ratePerSecond * 4, 12, send, flush)
  await pace(ratePerSecond, 4, send, flush)
}
