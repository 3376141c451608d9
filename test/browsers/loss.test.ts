/** 5 % of all media packets are lost in both directions, between real pages and the server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchChromium, openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { startLossyRelay } from '../support/lossy-relay.js'
import { servePages } from '../support/pages.js'
import { freeUdpPort, startServer } from '../support/server-process.js'

const RELAY = '127.0.0.2'

test('pictures keep moving under 5 % loss both ways, by retransmissions', async (t) => {
  const port = await freeUdpPort()
  const flags = ['--workers', '1', '--rtc-port', String(port), '--rtc-ip', `127.0.0.1=${RELAY}`]
  const server = await startServer(flags)
  const relay = await startLossyRelay({ address: RELAY, server: '127.0.0.1', port, loss: 0.05, seed: 42 })
  const pages = await servePages()
  const browser = await launchChromium()
  t.after(async () => {
    await browser.close()
    await server.stop()
    relay.close()
    pages.close()
  })
  const clients = []
  for (const user of ['ann', 'bob']) {
    const page = await openPage(browser, `${pages.url}/minijanus.html`)
    const client = await page.evaluateHandle(
      async ([url, user]) => {
        const client = new MinijanusClient('lossy', user!)
        await client.connect(url!)
        await client.publish({ audio: true, video: true })
        return client
      },
      [server.webSocketUrl, user],
    )
    clients.push(client)
  }
  const [ann, bob] = clients as [(typeof clients)[0], (typeof clients)[0]]
  const frames = async () => (await bob.evaluate((client) => client.stats('ann'))).framesDecoded!
  await eventually('the first picture', async () => (await frames()) > 0)
  // Five times a second and a half: a picture that stands still in any of them is a failure.
  for (let window = 0; window < 5; window++) {
    const before = await frames()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    assert.ok((await frames()) > before + 3, `window ${window}`)
  }
  const seen = await bob.evaluate((client) => client.stats('ann'))
  const sent = await ann.evaluate((client) => client.publisherStats())
  const totals = await server.totals()
  assert.ok(seen.rtx! > 0, 'the subscriber got retransmissions')
  assert.ok(sent.retransmitted! > 0, 'the publisher sent retransmissions')
  assert.ok(totals.nack_sent! > 0 && totals.nack_received! > 0)
  assert.ok(relay.dropped.up > 0 && relay.dropped.down > 0)
})
