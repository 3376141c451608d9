/** Real Chromium pages with unmodified janus.js of janus-gateway, over WebSocket and over HTTP with long polls. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSHandle } from 'playwright-core'
import { browserTest } from '../support/browser-test.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import type { JanusJsClient } from './pages/janus-js-client.js'

const under = browserTest()

/** A page that has joined and publishes. */
async function enter(url: string, room: string, user: string) {
  const page = await openPage(under.browser, `${under.pages.url}/janus-js.html`)
  const client = await page.evaluateHandle(
    async ([url, room, user]) => {
      const client = new JanusJs()
      await client.connect(url!)
      const subscribe = { notifications: true, data: true }
      const { data } = await client.publisher.send({ kind: 'join', room_id: room, user_id: user, subscribe })
      client.calls.push(`joined ${data.response?.users?.[room!]}`)
      await client.publisher.publish()
      return client
    },
    [url, room, user],
  )
  await called(client, 'publisher open JanusDataChannel')
  return { page, client }
}

const calls = (client: JSHandle<JanusJsClient>) => client.evaluate(({ calls }) => calls)

const called = (client: JSHandle<JanusJsClient>, call: string) =>
  eventually(call, async () => (await calls(client)).includes(call), { withinMs: 10_000 })

async function view(client: JSHandle<JanusJsClient>, room: string, own: string, other: string): Promise<void> {
  await client.evaluate((client, [room, own, other]) => client.view(room!, own!, other!), [room, own, other])
  await called(client, 'viewer up')
  await client.evaluate(({ viewer }) => viewer!.play())
  const stats = () => client.evaluate(({ viewer }) => viewer!.stats())
  const first = await stats()
  await eventually(
    `picture and sound of ${other}`,
    async () => {
      const now = await stats()
      return now.frames > first.frames + 2 && now.energy > first.energy
    },
    { withinMs: 10_000 },
  )
}

const transports = {
  WebSocket: () => under.server.webSocketUrl,
  'HTTP with long polls': () => `${under.server.url}/janus`,
}

for (const [transport, url] of Object.entries(transports)) {
  test(`janus.js over ${transport}: join, publish, view, data, blocks, hangup, detach, destroy`, async () => {
    const room = transport.split(' ')[0]!
    const ann = await enter(url(), room, 'ann')
    const bob = await enter(url(), room, 'bob')
    await called(ann.client, 'joined ann')
    await called(bob.client, 'joined ann,bob')
    await called(ann.client, `event {"event":"join","user_id":"bob","room_id":"${room}"}`)
    assert.equal(await ann.client.evaluate((client) => client.info()), 'server_info')
    for (const [index, type] of ['audio', 'video'].entries()) {
      await called(ann.client, `publisher media ${type} true ${index}`)
    }

    await view(ann.client, room, 'ann', 'bob')
    await view(bob.client, room, 'bob', 'ann')

    await ann.client.evaluate((client) => client.say('hello'))
    await called(bob.client, 'publisher JanusDataChannel: hello')

    const send = (client: JSHandle<JanusJsClient>, message: object) =>
      client.evaluate(async ({ publisher }, message) => (await publisher.send(message)).data, message)
    assert.deepEqual(await send(ann.client, { kind: 'block', whom: 'bob' }), { success: true, response: {} })
    await called(bob.client, 'event {"event":"blocked","by":"ann"}')
    await ann.client.evaluate((client) => client.say('unheard'))
    await send(ann.client, { kind: 'unblock', whom: 'bob' })
    await send(ann.client, { kind: 'data', body: 'again', whom: 'bob' })
    await called(bob.client, 'event {"event":"data","body":"again","from":"ann"}')
    assert.ok(!(await calls(bob.client)).includes('publisher JanusDataChannel: unheard'))
    const again = await send(ann.client, { kind: 'join', room_id: room, user_id: 'ann' })
    assert.equal(again.error?.code, 'already_joined')

    const problems = [...bob.page.problems]
    await bob.client.evaluate(({ viewer }) => viewer!.handle.hangup(true))
    await called(bob.client, 'viewer cleanup')
    await bob.client.evaluate((client) => client.detach(client.viewer!))
    await bob.client.evaluate((client) => client.destroy())
    await called(bob.client, 'destroyed')
    await called(ann.client, `event {"event":"leave","user_id":"bob","room_id":"${room}"}`)

    // Not what bob's page writes later: janus.js calls the end of a PeerConnection an error of its data channels.
    assert.deepEqual([ann.page.problems, problems], [[], []])
    for (const { page, client } of [ann, bob]) {
      const lost = (await calls(client)).filter((call) => /^(lost|failed)/.test(call))
      assert.deepEqual(lost, [])
      await page.context().close()
    }
  })
}
