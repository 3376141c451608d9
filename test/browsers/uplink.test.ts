/** A real Chromium estimates its path by our transport-wide feedback, and sends what is watched. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchChromium, openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { servePages } from '../support/pages.js'
import { startServer } from '../support/server-process.js'

const MAX_BPS = 3_000_000

test('a publisher goes beyond 1.5 Mbit/s, falls to a trickle when nobody watches, and comes back', async (t) => {
  const server = await startServer(['--workers', '1'])
  const pages = await servePages()
  const browser = await launchChromium()
  t.after(async () => {
    await browser.close()
    await server.stop()
    pages.close()
  })
  const join = async (user: string) => {
    const page = await openPage(browser, `${pages.url}/minijanus.html`)
    return page.evaluateHandle(
      async ([url, user]) => {
        const client = new MinijanusClient('uplink', user!)
        await client.connect(url!)
        return client
      },
      [server.webSocketUrl, user],
    )
  }
  const ann = await join('ann')
  const first = await join('bob')
  await ann.evaluate((client, bps) => client.publishNoise(320, 240, bps), MAX_BPS)

  const stats = () => ann.evaluate((client) => client.publisherStats())
  let before = await stats()
  let beforeMs = Date.now()
  /** Video sent since the last call, in half a second at least, bit/s. */
  const videoBps = async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, beforeMs + 500 - Date.now())))
    const now = await stats()
    const bps = ((now.videoBytes! - before.videoBytes!) * 8000) / (Date.now() - beforeMs)
    before = now
    beforeMs = Date.now()
    return bps
  }
  // On a machine that is busy with other things the browser probes its path badly, and climbs 8 % per second.
  const every = { everyMs: 0, withinMs: 60_000 }
  await eventually('more than 1.5 Mbit/s', async () => (await videoBps()) > 1_500_000, every)
  assert.ok((await stats()).availableBps! > 1_500_000)

  await first.evaluate((client) => client.leave())
  await eventually('a low cap', async () => (await stats()).availableBps! < 200_000, every)
  await videoBps()
  await eventually('a trickle', async () => (await videoBps()) < 200_000, every)
  const audioBefore = (await stats()).audioBytes!

  await join('eve')
  const watchedMs = Date.now()
  await eventually('all of it again', async () => (await videoBps()) > 1_500_000, every)
  t.diagnostic(`1.5 Mbit/s again after ${Date.now() - watchedMs} ms`)
  assert.ok((await stats()).audioBytes! > audioBefore)
  const totals = await server.totals()
  assert.ok(totals.transport_cc_sent! > 50)
})
