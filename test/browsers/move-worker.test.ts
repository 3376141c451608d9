/** A publisher comes back on another media worker: its viewer in Chromium follows on the same RTCPeerConnection. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSHandle } from 'playwright-core'
import { subscribe } from '../support/call.js'
import { launchChromium, openPage } from '../support/chromium.js'
import { JanusSocket } from '../support/janus-socket.js'
import { MediaClients } from '../support/media-client.js'
import { servePages } from '../support/pages.js'
import { startServer } from '../support/server-process.js'
import type { Client } from './pages/minijanus-client.js'

test('the viewer follows to another worker by one pushed offer with another fingerprint', async (t) => {
  const server = await startServer(['--workers', '2'])
  const pages = await servePages()
  const browser = await launchChromium()
  const clients = new MediaClients()
  const janus = await JanusSocket.open(server.webSocketUrl)
  t.after(async () => {
    await browser.close()
    await clients.close()
    await janus.close()
    await server.stop()
    pages.close()
  })
  /** A page whose publisher offers before it joins: its worker is the one with fewer peers. */
  const enter = async (user: string, media?: { audio: boolean; video: boolean }) => {
    const page = await openPage(browser, `${pages.url}/minijanus.html`)
    const client = await page.evaluateHandle(
      async ([url, user]) => {
        const client = new MinijanusClient('moving', user!)
        await client.connect(url!)
        return client
      },
      [server.webSocketUrl, user],
    )
    if (media) await client.evaluate((client, media) => client.publish(media), media)
    return { page, client }
  }
  const publisherPort = (client: JSHandle<Client>) =>
    client.evaluate(({ pc }) => /a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(pc.remoteDescription!.sdp)![1])
  const subscription = (client: JSHandle<Client>) =>
    client.evaluate(({ subscriptions }) => {
      const { pc, offers, hangups } = subscriptions.get('ann')!
      const { sdp } = pc.remoteDescription!
      return {
        offers,
        hangups,
        state: pc.connectionState,
        port: /a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)![1],
        fingerprint: /a=fingerprint:(.*)/.exec(sdp)![1],
        ssrcs: [...new Set(sdp.match(/a=ssrc:\d+/g))],
      }
    })

  const first = await enter('ann', { audio: true, video: true })
  const viewer = await enter('bob')
  await viewer.client.evaluate((client) => client.plays('ann', 10_000))
  const before = await subscription(viewer.client)
  assert.equal(before.port, await publisherPort(first.client))

  // Viewers are where the publisher is: with some more of them there, the other worker has fewer peers.
  await janus.create()
  for (let i = 0; i < 6; i++) await subscribe(janus, clients, 'moving', 'bob', 'ann')
  const second = await enter('ann')
  const port = await publisherPort(second.client)
  assert.notEqual(port, before.port, 'ann is on the other worker as well')
  await first.page.context().close()
  await second.client.evaluate((client) => client.publish({ audio: true, video: true }))

  await viewer.client.evaluate((client) => client.plays('ann', 10_000))
  const after = await subscription(viewer.client)
  assert.equal(after.port, port)
  assert.notEqual(after.fingerprint, before.fingerprint)
  assert.ok(!after.ssrcs.some((ssrc) => before.ssrcs.includes(ssrc)), 'numbers start anew, so SSRCs do')
  assert.deepEqual([before.offers, after.state, after.hangups], [1, 'connected', []])
  // One moves it, one says whose the tracks are that came then: it is the same one when they came before the answer.
  assert.ok(after.offers === 2 || after.offers === 3, `${after.offers} offers`)
  assert.deepEqual(viewer.page.problems, [])
})
