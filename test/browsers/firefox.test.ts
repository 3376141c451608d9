/** Firefox with unmodified minijanus beside Chromium: what minijanus.test.ts shows between pages of Chromium. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launchBrowsers } from '../support/browsers.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { servePages } from '../support/pages.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

let server: ServerProcess
let browsers: Awaited<ReturnType<typeof launchBrowsers>>
let pages: Awaited<ReturnType<typeof servePages>>

before(async () => {
  pages = await servePages()
  server = await startServer()
  browsers = await launchBrowsers()
})

after(async () => {
  await browsers.close()
  await server.stop()
  pages.close()
})

async function join(browser: 'Chromium' | 'Firefox', room: string, user: string) {
  const page = await openPage(browsers[browser], `${pages.url}/minijanus.html`)
  const client = await page.evaluateHandle(
    async ([url, room, user]) => {
      const client = new MinijanusClient(room!, user!)
      await client.connect(url!)
      await client.publish({ audio: true, video: true })
      return client
    },
    [server.webSocketUrl, room, user],
  )
  return { page, client }
}

test('Firefox and Chromium see and hear each other, and data goes both ways', async () => {
  const ann = await join('Firefox', 'alpha', 'ann')
  const bob = await join('Chromium', 'alpha', 'bob')
  await Promise.all([
    ann.client.evaluate((client) => client.plays('bob', 10_000)),
    bob.client.evaluate((client) => client.plays('ann', 10_000)),
  ])
  for (const [from, to] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    await from.client.evaluate((client) => client.send('reliable', 'hello'))
    await from.client.evaluate((client) => client.send('unreliable', [1, 2, 3]))
    await from.client.evaluate((client) => client.send('reliable', ''))
    const heard = await eventually('data', () =>
      to.client.evaluate((client) => client.received.length >= 3 && client.received),
    )
    assert.deepEqual(
      new Set(heard.map(({ channel, binary, text }) => `${channel}:${binary}:${text}`)),
      new Set(['reliable:false:hello', 'unreliable:true:1,2,3', 'reliable:false:']),
    )
  }
})
