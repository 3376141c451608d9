/** The browsers of the tests by name. */
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.js'
import { launchFirefox } from './firefox.js'

/** Each takes further switches of Chromium; Firefox has preferences instead. */
export const launchers = {
  Chromium: (switches: readonly string[] = []) => launchChromium(switches),
  Firefox: () => launchFirefox(),
}

export type BrowserName = keyof typeof launchers

export const browserNames = Object.keys(launchers) as BrowserName[]

/**
 * Starts all of them, one after the other (starting is what costs most); gives them by name.
 * @param switches of Chromium, further ones
 */
export async function launchBrowsers(
  switches: readonly string[] = [],
): Promise<Record<BrowserName, Browser> & { close(): Promise<void> }> {
  const Chromium = await launchers.Chromium(switches)
  try {
    const Firefox = await launchers.Firefox()
    return {
      Chromium,
      Firefox,
      close: async () => void (await Promise.all([Chromium.close(), Firefox.close()])),
    }
  } catch (error) {
    await Chromium.close()
    throw error
  }
}
