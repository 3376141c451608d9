/** Waits for something that announces itself nowhere (a counter of another process, a gauge). */

/**
 * Calls `probe` until it gives something truthy.
 * @throws AssertionError-like Error with `what` and the last value after `withinMs`
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  { withinMs = 5_000, everyMs = 50 } = {},
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await probe()
    if (value) return value as Exclude<NonNullable<T>, false>
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${what} (last: ${JSON.stringify(value)})`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
