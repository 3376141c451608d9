/** Firefox with unmodified minijanus beside Chromium: what minijanus.test.ts shows between pages of Chromium. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JSHandle } from 'playwright-core'
import { type BrowserName, browserNames, launchBrowsers } from '../support/browsers.js'
import { openStage, subscribe } from '../support/call.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { servePages } from '../support/pages.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import type { Client } from './pages/minijanus-client.js'

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

/** A page whose publisher offers its data channels before it joins: its worker is the one with fewer peers. */
async function enter(browser: BrowserName, room: string, user: string, { webSocketUrl } = server) {
  const page = await openPage(browsers[browser], `${pages.url}/minijanus.html`)
  const client = await page.evaluateHandle(
    async ([url, room, user]) => {
      const client = new MinijanusClient(room!, user!)
      await client.connect(url!)
      return client
    },
    [webSocketUrl, room, user],
  )
  return { page, client }
}

const publish = (client: JSHandle<Client>) => client.evaluate((client) => client.publish({ audio: true, video: true }))

async function join(browser: BrowserName, room: string, user: string) {
  const entered = await enter(browser, room, user)
  await publish(entered.client)
  return entered
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

test('a user goes on on another media worker: viewers in both browsers see on, on the transport that they have', async (t) => {
  const { server: two, clients, janus } = await openStage(t, ['--workers', '2'])
  /** Port and fingerprint of the server, and SSRCs that it announces. */
  const transport = (client: JSHandle<Client>, user?: string) =>
    client.evaluate((client, user) => {
      const { sdp } = (user === undefined ? client.pc : client.subscriptions.get(user)!.pc).remoteDescription!
      const port = /a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)![1]
      return { port, fingerprint: /a=fingerprint:(.*)/.exec(sdp)![1], ssrcs: [...new Set(sdp.match(/a=ssrc:\d+/g))] }
    }, user)
  const plays = (client: JSHandle<Client>) => client.evaluate((client) => client.plays('ann', 15_000))

  const first = await enter('Chromium', 'moving', 'ann', two)
  await publish(first.client)
  const viewers = []
  for (const browser of browserNames) viewers.push(await enter(browser, 'moving', `${browser} viewer`, two))
  const before = await Promise.all(
    viewers.map(async ({ client }) => {
      await plays(client)
      return transport(client, 'ann')
    }),
  )
  const { port } = await transport(first.client)
  assert.deepEqual(
    before.map((viewer) => viewer.port),
    [port, port],
  )

  // With some more subscribers where ann is, the other worker has fewer peers. A new user would be subscribed to by the pages.
  for (let i = 0; i < 6; i++) await subscribe(janus, clients, 'moving', 'Firefox viewer', 'ann')
  const second = await enter('Chromium', 'moving', 'ann', two)
  assert.notEqual((await transport(second.client)).port, port, 'ann is on the other worker as well')
  await first.page.context().close()
  await publish(second.client)

  await Promise.all(viewers.map(({ client }) => plays(client)))
  assert.deepEqual(await Promise.all(viewers.map(({ client }) => transport(client, 'ann'))), before)
  assert.equal((await two.live()).mirrors, 1)
  for (const { page, client } of viewers) {
    const { hangups, offers } = await client.evaluate(({ subscriptions }) => {
      const { hangups, offers } = subscriptions.get('ann')!
      return { hangups, offers }
    })
    // The second one says whose the tracks are that came then.
    assert.deepEqual({ hangups, offers }, { hangups: [], offers: 2 })
    assert.deepEqual(page.problems, [])
    await page.context().close()
  }
  await second.page.context().close()
})
