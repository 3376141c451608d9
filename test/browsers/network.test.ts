/** Real pages whose networks let no UDP through, speak IPv6, change in the middle of a call, or make ICE start again. */
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, JSHandle } from 'playwright-core'
import { launchChromium, openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { launchFirefox } from '../support/firefox.js'
import { TcpRelay, UdpRelay, UdpSink } from '../support/network-change.js'
import { servePages } from '../support/pages.js'
import { freePort, type ServerProcess, startServer } from '../support/server-process.js'
import type { Client } from './pages/minijanus-client.js'

/** Where clients send to; the server listens on another loopback address. */
const RELAY = '127.0.0.2'

let browser: Browser
let pages: Awaited<ReturnType<typeof servePages>>

before(async () => {
  pages = await servePages()
  browser = await launchChromium()
})

after(async () => {
  await browser.close()
  pages.close()
})

async function start(t: TestContext, flags: readonly string[]): Promise<ServerProcess> {
  const server = await startServer(['--workers', '1', ...flags])
  t.after(() => server.stop())
  return server
}

type Page = JSHandle<Client>

async function join(t: TestContext, server: ServerProcess, user: string, within = browser): Promise<Page> {
  const page = await openPage(within, `${pages.url}/minijanus.html`)
  t.after(() => page.context().close())
  return page.evaluateHandle(
    async ([url, user]) => {
      const client = new MinijanusClient('network', user!)
      await client.connect(url!)
      await client.publish({ audio: true, video: true })
      return client
    },
    [server.webSocketUrl, user],
  )
}

const plays = (client: Page, user: string, withinMs = 10_000) =>
  client.evaluate((client, [user, withinMs]) => client.plays(user, withinMs), [user, withinMs] as [string, number])
const eachOther = (ann: Page, bob: Page) => Promise.all([plays(ann, 'bob'), plays(bob, 'ann')])
const paths = (client: Page) => client.evaluate((client) => client.paths())

/** A text of each over its data channel reaches the other. */
async function talk(ann: Page, bob: Page, text: string): Promise<void> {
  for (const [from, to] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    await from.evaluate((client, text) => client.send('reliable', text), text)
    const arrived = () => to.evaluate((client, text) => client.received.some((message) => message.text === text), text)
    await eventually(`"${text}" arrives`, arrived, { withinMs: 10_000 })
  }
}

test('where UDP is blocked, sound, pictures and data go over TCP, and go on when connections break; Firefox too', async (t) => {
  const port = await freePort()
  const server = await start(t, ['--rtc-port', String(port), '--rtc-ip', `127.0.0.1=${RELAY}`])
  const addresses = { address: RELAY, server: '127.0.0.1', port }
  const udp = await UdpSink.open(addresses)
  const tcp = await TcpRelay.open(addresses)
  t.after(() => {
    udp.close()
    tcp.close()
  })
  const ann = await join(t, server, 'ann')
  const bob = await join(t, server, 'bob')
  await eachOther(ann, bob)
  await talk(ann, bob, 'over TCP')
  for (const path of [...(await paths(ann)), ...(await paths(bob))]) assert.equal(path, `tcp ${RELAY}:${port}`)
  assert.ok(udp.swallowed > 0, 'they tried UDP')
  // One for each PeerConnection, or more: Chromium tries from each of its networks.
  const { accepted } = tcp
  assert.ok(accepted >= 4)
  const before = await server.totals()
  assert.ok(before.tcp_opened! - before.tcp_closed! >= 4)
  assert.equal(before.drop_unknown_class! + before.drop_srtp_auth! + before.drop_dtls_error!, 0)

  tcp.breakConnections()
  await eachOther(ann, bob)
  await talk(ann, bob, 'over other connections')
  assert.ok(tcp.accepted >= accepted + 4)

  const firefox = await launchFirefox()
  t.after(() => firefox.close())
  const fox = await join(t, server, 'fox', firefox)
  await Promise.all([plays(fox, 'ann'), plays(bob, 'fox')])
  await talk(ann, fox, 'to Firefox')
  for (const path of await paths(fox)) assert.equal(path, `tcp ${RELAY}:${port}`)
})

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

test('IPv6 alone carries a call', { skip: !hasIpv6 && 'this machine has no ::1' }, async (t) => {
  const server = await start(t, ['--rtc-ip', '::1'])
  const ann = await join(t, server, 'ann')
  const bob = await join(t, server, 'bob')
  await eachOther(ann, bob)
  await talk(ann, bob, 'over IPv6')
  const port = (server.listening.rtcPorts as number[])[0]!
  for (const path of [...(await paths(ann)), ...(await paths(bob))])
    assert.match(path, new RegExp(`^udp \\[?::1\\]?:${port}$`))
})

test('a call goes on when the network changes, and when ICE starts again on either side', async (t) => {
  const port = await freePort()
  const flags = ['--rtc-port', String(port), '--rtc-ip', `127.0.0.1=${RELAY}`]
  const server = await start(t, flags)
  const relay = await UdpRelay.open({ address: RELAY, server: '127.0.0.1', port })
  t.after(() => relay.close())
  const ann = await join(t, server, 'ann')
  const bob = await join(t, server, 'bob')
  await eachOther(ann, bob)

  relay.moveClients()
  await eachOther(ann, bob)
  await talk(ann, bob, 'from other ports')

  const credentials = () => ann.evaluate((client) => client.pc.remoteDescription!.sdp.match(/a=ice-ufrag:\S+/)![0])
  const first = await credentials()
  await ann.evaluate(async (client) => {
    client.pc.restartIce()
    await client.negotiate()
  })
  assert.notEqual(await credentials(), first)
  relay.moveClients()
  await eachOther(ann, bob)
  await talk(ann, bob, 'with other credentials')

  // A subscriber restarts by asking again, and answering the offer that comes.
  const offers = (client: Page) => client.evaluate((client) => client.subscriptions.get('ann')!.offers)
  const before = await offers(bob)
  await bob.evaluate((client) => client.askAgain('ann'))
  await eventually('the subscriber is offered a restart', async () => (await offers(bob)) > before)
  relay.moveClients()
  await eachOther(ann, bob)

  for (const client of [ann, bob]) {
    const gone = await client.evaluate(({ hangups, events }) => [
      hangups,
      events.filter(({ event }) => event === 'leave'),
    ])
    assert.deepEqual(gone, [[], []])
  }
})
