import type { Browser } from 'playwright-core'
import { openPage } from '../chromium.js'
import type { ImpairedPage } from './stage.js'

/** A page in a context of its own. */
export async function browserPage(browser: Browser, url: string): Promise<ImpairedPage> {
  const page = await openPage(browser, url)
  return {
    evaluate: <A, R>(body: (argument: A) => R | Promise<R>, argument: A) =>
      page.evaluate(`(${String(body)})(${JSON.stringify(argument) ?? ''})`) as Promise<R>,
    close: () => page.context().close(),
  }
}
