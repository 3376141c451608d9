/** Clients of pages/caller.ts in pages of any browser. */
import type { JSHandle, Page } from 'playwright-core'
import type { Caller, Fronts, PublishWish } from '../browsers/pages/caller.js'
import type { Lock } from '../browsers/pages/frame-lock.js'
import { type BrowserName, browserNames, launchBrowsers } from './browsers.js'
import { openPage } from './chromium.js'
import { servePages } from './pages.js'
import { type ServerProcess, startServer } from './server-process.js'

type Kinds = readonly ('audio' | 'video')[]

/** One user of a room, driven from outside of its page. */
export class RemoteCaller {
  readonly user: string
  readonly client: JSHandle<Caller>

  constructor(user: string, client: JSHandle<Caller>) {
    this.user = user
    this.client = client
  }

  publish(wish: PublishWish): Promise<void> {
    return this.client.evaluate((client, wish) => client.publish(wish), wish)
  }

  subscribe(user: string, lock?: Lock): Promise<void> {
    return this.client.evaluate((client, [user, lock]) => client.subscribe(user, lock), [user, lock] as const)
  }

  /** Waits until that user's tracks play from now on. */
  plays(user: string, kinds: Kinds, withinMs?: number): ReturnType<Caller['plays']> {
    return this.client.evaluate((client, [user, kinds, withinMs]) => client.plays(user, kinds, withinMs), [
      user,
      kinds,
      withinMs,
    ] as const)
  }

  receivedOf(user: string): ReturnType<Caller['receivedOf']> {
    return this.client.evaluate((client, user) => client.receivedOf(user), user)
  }

  prefer(user: string, video: Parameters<Caller['prefer']>[1]): Promise<void> {
    return this.client.evaluate((client, [user, video]) => client.prefer(user, video), [user, video] as const)
  }

  leave(): Promise<void> {
    return this.client.evaluate((client) => client.leave())
  }
}

/**
 * Joins a room; several clients may live in one page.
 * @param page shows `/caller.html` of `servePages`
 */
export async function joinFrom(
  page: Page,
  webSocketUrl: string,
  room: string,
  user: string,
  fronts?: Fronts,
): Promise<RemoteCaller> {
  const client = await page.evaluateHandle(
    async ([url, room, user, fronts]) => {
      const client = new RostraCaller(room, user, fronts)
      await client.connect(url)
      return client
    },
    [webSocketUrl, room, user, fronts] as const,
  )
  return new RemoteCaller(user, client)
}

export interface CallStage {
  readonly server: ServerProcess
  readonly pages: Readonly<Record<BrowserName, Page & { problems: string[] }>>
  /** @param fronts of a relay between the page and the server */
  join(browser: BrowserName, room: string, user: string, fronts?: Fronts): Promise<RemoteCaller>
  close(): Promise<void>
}

/** A server, and one page of each browser for all tests of a file: starting is what costs most. */
export async function openCallStage(flags: readonly string[] = []): Promise<CallStage> {
  const files = await servePages()
  const server = await startServer(flags)
  const browsers = await launchBrowsers()
  const pages = {} as Record<BrowserName, Page & { problems: string[] }>
  for (const name of browserNames) pages[name] = await openPage(browsers[name], `${files.url}/caller.html`)
  return {
    server,
    pages,
    join: (browser, room, user, fronts) => joinFrom(pages[browser], server.webSocketUrl, room, user, fronts),
    async close() {
      await browsers.close()
      await server.stop()
      files.close()
    },
  }
}
