/** The browsers of the tests by name. */
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.js'
import { launchFirefox } from './firefox.js'

export const launchers = { Chromium: () => launchChromium(), Firefox: () => launchFirefox() }

export type BrowserName = keyof typeof launchers

export const browserNames = Object.keys(launchers) as BrowserName[]

/** Starts all of them, one after the other (starting is what costs most); gives them by name. */
export async function launchBrowsers(): Promise<Record<BrowserName, Browser> & { close(): Promise<void> }> {
  const Chromium = await launchers.Chromium()
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
