/** `--audible`: of three microphones in a real browser one is forwarded, the one that is loud, and receivers notice no change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSHandle, Page } from 'playwright-core'
import { browserTest } from '../support/browser-test.js'
import { joinFrom, type RemoteCaller } from '../support/callers.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'

const PLACES = 1
const names = ['ann', 'bob', 'cid'] as const

let page: Page & { problems: string[] }
const under = browserTest(['--audible', String(PLACES)], async ({ browser, pages }) => {
  page = await openPage(browser, `${pages.url}/caller.html`)
})

/** Sums that browsers keep of one stream: they may stand still and never go back. */
type Sums = Record<string, number>

/** 0 of a stream of which no packet came yet. */
const sumOf = (sums: Record<string, Sums>, name: string, field: string) => sums[name]?.[field] ?? 0

/** Watches what a viewer's browser says of each speaker's sound, four times a second, and gives what is wrong with it. */
const watch = (viewer: RemoteCaller): Promise<JSHandle<{ problems: string[]; sums: Record<string, Sums> }>> =>
  viewer.client.evaluateHandle((client) => {
    const fields = [
      'packetsReceived',
      'bytesReceived',
      'totalAudioEnergy',
      'totalSamplesDuration',
      'totalSamplesReceived',
    ]
    fields.push('jitterBufferEmittedCount', 'jitterBufferDelay', 'concealedSamples', 'lastPacketReceivedTimestamp')
    const watched = { problems: [] as string[], sums: {} as Record<string, Record<string, number>> }
    setInterval(async () => {
      for (const [user, { pc }] of client.subscriptions)
        for (const report of (await pc.getStats()).values()) {
          if (report.type !== 'inbound-rtp' || report.kind !== 'audio') continue
          const before = watched.sums[user]
          const now = Object.fromEntries(fields.map((field) => [field, Number(report[field] ?? 0)]))
          if (report.packetsLost !== 0) watched.problems.push(`${user}: ${report.packetsLost} lost`)
          for (const field of fields)
            if (before && now[field]! < before[field]!)
              watched.problems.push(`${user}: ${field} from ${before[field]} to ${now[field]}`)
          watched.sums[user] = now
        }
    }, 250)
    return watched
  })

test('who is loud is heard, one at a time; nothing is missing and no sum of a receiver goes back', async (t) => {
  const speakers: RemoteCaller[] = []
  for (const name of names) {
    const speaker = await joinFrom(page, under.server.webSocketUrl, 'hall', name)
    await speaker.publish({ audio: 'turned down' })
    speakers.push(speaker)
  }
  const viewer = await joinFrom(page, under.server.webSocketUrl, 'hall', 'viewer')
  for (const name of names) await viewer.subscribe(name)
  const watched = await watch(viewer)
  const sums = () => watched.evaluate(({ sums }) => sums)

  for (const turn of [0, 1, 2, 0]) {
    const loud = names[turn]!
    for (const [index, speaker] of speakers.entries())
      await speaker.client.evaluate((client, isLoud) => client.turn(isLoud ? 'up' : 'down'), index === turn)
    const before = await sums()
    const gained = async (name: string, field: string) => sumOf(await sums(), name, field) - sumOf(before, name, field)
    await eventually(`${loud} is heard`, async () => (await gained(loud, 'totalAudioEnergy')) > 1e-4, {
      withinMs: 10_000,
    })
    // Who was heard before may have had some words left; from now on there is nothing but silence.
    const heard = await sums()
    await eventually('a second more of it', async () => (await gained(loud, 'packetsReceived')) > 100, {
      withinMs: 10_000,
    })
    const now = await sums()
    for (const name of names.filter((name) => name !== loud)) {
      const [energy, packets] = ['totalAudioEnergy', 'packetsReceived'].map(
        (field) => sumOf(now, name, field) - sumOf(heard, name, field),
      ) as [number, number]
      t.diagnostic(`while ${loud} is loud: ${packets} packets of ${name}`)
      assert.ok(energy < 1e-6 && packets < 25, `${name} beside ${loud}: ${packets} packets, ${energy}`)
    }
  }
  assert.deepEqual(await watched.evaluate(({ problems }) => problems), [])
  assert.ok((await under.server.totals()).drop_inaudible! > 0, 'somebody was not forwarded')
  assert.deepEqual(page.problems, [])
})
