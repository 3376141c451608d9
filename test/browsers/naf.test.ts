/** Real Chromium pages with unmodified naf-janus-adapter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSHandle } from 'playwright-core'
import { browserTest } from '../support/browser-test.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { startServer } from '../support/server-process.js'
import type { NafPage } from './pages/naf-client.js'

const under = browserTest()

const UPSTREAM = '/?profile=upstream'

/** Opens a page whose adapter wants to see `wanted`, and waits until it is connected. */
async function enter(room: string, id: string, wanted: string[], path = UPSTREAM) {
  const page = await openPage(under.browser, `${under.pages.url}/naf.html`)
  const naf = await page.evaluateHandle(
    async ([url, room, id, ...wanted]) => {
      const naf = new Naf(url!, room!, id!, wanted)
      await naf.connect()
      return naf
    },
    [`${under.server.webSocketUrl}${path}`, room, id, ...wanted],
  )
  return { page, naf }
}

const calls = (naf: JSHandle<NafPage>) => naf.evaluate((naf) => naf.calls)
const called = (naf: JSHandle<NafPage>, call: string) =>
  eventually(call, async () => (await calls(naf)).includes(call), { withinMs: 10_000 })

async function seesAndHears(naf: JSHandle<NafPage>, id: string): Promise<void> {
  await called(naf, `open ${id}`)
  await naf.evaluate((naf, id) => naf.play(id), id)
  const stats = () => naf.evaluate((naf, id) => naf.stats(id), id)
  const first = await stats()
  await eventually(
    `picture and sound of ${id}`,
    async () => {
      const now = await stats()
      return now.frames > first.frames + 2 && now.energy > first.energy
    },
    { withinMs: 10_000 },
  )
}

test('naf-janus-adapter with ?profile=upstream: media, both channels, messages, blocks, leaving', async () => {
  const ann = await enter('naf', 'ann', ['bob'])
  const bob = await enter('naf', 'bob', ['ann'])
  await Promise.all([seesAndHears(ann.naf, 'bob'), seesAndHears(bob.naf, 'ann')])

  await ann.naf.evaluate(({ adapter }) => {
    adapter.broadcastDataGuaranteed('u', { n: 1 })
    adapter.broadcastData('u', { n: 2 })
    adapter.sendData('bob', 'u', { n: 3 })
    adapter.reliableTransport = 'websocket'
    adapter.broadcastDataGuaranteed('u', { n: 4 })
  })
  for (const call of ['janus-reliable u {"n":1}', 'janus-unreliable u {"n":2}', 'janus-unreliable u {"n":3}'])
    await called(bob.naf, call)
  await called(bob.naf, 'janus-event u {"n":4}')

  await ann.naf.evaluate(({ adapter }) => adapter.block('bob'))
  await called(bob.naf, 'blocked ann')
  await ann.naf.evaluate(({ adapter }) => adapter.broadcastDataGuaranteed('u', { n: 5 }))
  await ann.naf.evaluate(({ adapter }) => adapter.unblock('bob'))
  await called(bob.naf, 'unblocked ann')
  await ann.naf.evaluate(({ adapter }) => adapter.broadcastDataGuaranteed('u', { n: 6 }))
  await called(bob.naf, 'janus-event u {"n":6}')
  assert.ok(!(await calls(bob.naf)).includes('janus-event u {"n":5}'))

  // It says no goodbye: connections and socket are closed, and that is all.
  await ann.naf.evaluate(({ adapter }) => adapter.disconnect())
  await called(bob.naf, 'closed ann')

  for (const { page, naf } of [ann, bob]) {
    assert.deepEqual(page.problems, [])
    assert.ok(!(await calls(naf)).some((call) => /reconnect|failed|given up/.test(call)), String(await calls(naf)))
    assert.equal(await naf.evaluate(({ adapter }) => adapter.delayedReconnectTimeout ?? null), null)
    assert.ok(!page.warnings.some((text) => /Reconnecting|previous session/.test(text)), page.warnings.join('; '))
    await page.context().close()
  }
})

test('it comes back after the server was killed', async () => {
  const ann = await enter('back', 'ann', ['bob'])
  const bob = await enter('back', 'bob', ['ann'])
  await Promise.all([called(ann.naf, 'open bob'), called(bob.naf, 'open ann')])
  const { port } = under.server
  await under.server.stop('SIGKILL')
  await called(ann.naf, 'reconnecting')
  for (const { naf } of [ann, bob]) await naf.evaluate(({ calls }) => void calls.splice(0))
  under.server = await startServer([], port)
  for (const { naf } of [ann, bob]) await called(naf, 'reconnected')
  // One of them only: whoever is back first asks for the other, whom the adapter has not forgotten and who is not there
  // yet. It does not look at the refusal, waits for 15 s, and (in the bundle that npm has) never asks again.
  await Promise.any([seesAndHears(ann.naf, 'bob'), seesAndHears(bob.naf, 'ann')])
  for (const { page } of [ann, bob]) await page.context().close()
})

test('without ?profile=upstream it finds itself in the room and wants to connect anew: hence the README', async () => {
  const { page, naf } = await enter('self', 'ann', [], '')
  assert.ok(page.warnings.some((text) => text.includes('still has previous session')))
  assert.notEqual(await naf.evaluate(({ adapter }) => adapter.delayedReconnectTimeout ?? null), null)
  await page.context().close()
})
