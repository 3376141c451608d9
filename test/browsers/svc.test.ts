/** A real Chromium that sends layers inside of one stream (SVC): viewers get the large picture or the small one out of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { browserTest } from '../support/browser-test.js'
import { joinFrom, type RemoteCaller } from '../support/callers.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'

let page: Page & { problems: string[] }
const under = browserTest([], async ({ browser, pages }) => {
  page = await openPage(browser, `${pages.url}/caller.html`)
})

/** Chromium makes no layers of VP9 smaller than 240×135, so that two of three are left of this one. */
const LARGE = { width: 480, height: 270 }

/** TypeScript's DOM does not know it: https://w3c.github.io/webrtc-svc/#rtcrtpencodingparameters */
type LayeredEncoding = RTCRtpEncodingParameters & { scalabilityMode: string }

/** A publisher, and two viewers of it. */
async function call(codec: string, scalabilityMode: string): Promise<RemoteCaller[]> {
  const room = `${codec} ${scalabilityMode}`
  const encodings: LayeredEncoding[] = [{ scalabilityMode, maxBitrate: 500_000 }]
  const ann = await joinFrom(page, under.server.webSocketUrl, room, 'ann')
  await ann.publish({ video: { ...LARGE, codec: `video/${codec}`, encodings } })
  const viewers: RemoteCaller[] = []
  for (const user of ['bob', 'cid']) {
    const viewer = await joinFrom(page, under.server.webSocketUrl, room, user)
    await viewer.subscribe('ann')
    viewers.push(viewer)
  }
  return [ann, ...viewers]
}

const video = async (viewer: RemoteCaller) => (await viewer.receivedOf('ann')).find(({ kind }) => kind === 'video')!

const widthOf = async (viewer: RemoteCaller) => (await video(viewer))?.width

/** Frames that are decoded per second. */
async function frameRate(viewer: RemoteCaller): Promise<number> {
  const [before, beforeMs] = [(await video(viewer)).framesDecoded, performance.now()]
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  return (((await video(viewer)).framesDecoded - before) * 1_000) / (performance.now() - beforeMs)
}

const within = { withinMs: 20_000 }

async function sees(viewer: RemoteCaller, width: number): Promise<void> {
  await eventually(`${viewer.user} sees ${width} pixels`, async () => (await widthOf(viewer)) === width, within)
  await viewer.plays('ann', ['video'])
  assert.equal(await widthOf(viewer), width)
}

for (const scalabilityMode of ['L3T3', 'L3T3_KEY'])
  test(`VP9 ${scalabilityMode}: one viewer has the large picture while another has the small one`, async (t) => {
    const [ann, bob, cid] = (await call('VP9', scalabilityMode)) as [RemoteCaller, RemoteCaller, RemoteCaller]
    await Promise.all([sees(bob, LARGE.width), sees(cid, LARGE.width)])
    await cid.prefer('ann', { max_width: LARGE.width - 1 })
    await sees(cid, LARGE.width / 2)
    await sees(bob, LARGE.width)
    const [whole, fewer] = [
      await frameRate(cid),
      await cid.prefer('ann', { max_temporal: 0 }).then(() => frameRate(cid)),
    ]
    t.diagnostic(`${whole.toFixed(1)} frames a second, ${fewer.toFixed(1)} of the lowest temporal layer`)
    assert.ok(fewer > 0 && fewer < 0.6 * whole)
    await cid.prefer('ann', {})
    await sees(cid, LARGE.width)
    for (const viewer of [bob, cid]) assert.equal((await video(viewer)).lost, 0, 'numbers have no holes')
    for (const caller of [ann, bob, cid]) await caller.leave()
  })

for (const [scalabilityMode, spatial] of [
  ['L1T3', false],
  ['L2T2_KEY', true],
] as const)
  test(`AV1 ${scalabilityMode}: layers by the dependency descriptor`, async (t) => {
    const [ann, bob, cid] = (await call('AV1', scalabilityMode)) as [RemoteCaller, RemoteCaller, RemoteCaller]
    await Promise.all([sees(bob, LARGE.width), sees(cid, LARGE.width)])
    assert.equal((await video(bob)).codec, 'video/AV1')
    if (spatial) {
      await cid.prefer('ann', { max_spatial: 0 })
      await sees(cid, LARGE.width / 2)
      await sees(bob, LARGE.width)
      await cid.prefer('ann', {})
      await sees(cid, LARGE.width)
    }
    await cid.prefer('ann', { max_temporal: 0 })
    const [whole, fewer] = await Promise.all([frameRate(bob), frameRate(cid)])
    t.diagnostic(`${whole.toFixed(1)} frames a second, ${fewer.toFixed(1)} of the lowest temporal layer`)
    assert.ok(fewer > 0 && fewer < 0.7 * whole)
    await cid.prefer('ann', {})
    await cid.plays('ann', ['video'])
    for (const viewer of [bob, cid]) assert.equal((await video(viewer)).lost, 0, 'numbers have no holes')
    for (const caller of [ann, bob, cid]) await caller.leave()
  })

test('the page had no error', () => assert.deepEqual(page.problems, []))
