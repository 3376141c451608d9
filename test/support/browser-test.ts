/** What most browser tests need: the pages, a server and Chromium, begun before the tests of a file and ended after them. */
import { after, before } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.js'
import { servePages } from './pages.js'
import { type ServerProcess, startServer } from './server-process.js'

export interface BrowserTest {
  /** A test that ends it begins another. */
  server: ServerProcess
  readonly browser: Browser
  readonly pages: Awaited<ReturnType<typeof servePages>>
}

/**
 * To be called once, at the top of a file. What it gives is there when tests run.
 * @param flags of the server
 * @param prepare what else is to be done before the tests (`before` hooks of a file do not wait for each other)
 */
export function browserTest(
  flags: readonly string[] = [],
  prepare: (made: BrowserTest) => Promise<void> = async () => {},
): BrowserTest {
  const made = {} as { -readonly [Key in keyof BrowserTest]: BrowserTest[Key] }
  before(async () => {
    made.pages = await servePages()
    made.server = await startServer([...flags])
    made.browser = await launchChromium()
    await prepare(made)
  })
  after(async () => {
    // One that was not begun, because one before it failed, cannot be ended.
    await made.browser?.close()
    await made.server?.stop()
    made.pages?.close()
  })
  return made
}
