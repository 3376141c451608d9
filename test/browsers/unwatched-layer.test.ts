/** A layer that nobody watches is not sent: real browsers leave it off for what they are asked for, and bring it back. */
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type BrowserName, browserNames } from '../support/browsers.js'
import { type CallStage, openCallStage, type RemoteCaller } from '../support/callers.js'
import { eventually } from '../support/eventually.js'

let stage: CallStage

before(async () => {
  stage = await openCallStage()
})

after(() => stage.close())

const LARGE = { width: 640, height: 360 }
const SMALL = { width: 320, height: 180 }
const encodings = [
  { rid: 'small', scaleResolutionDownBy: 2, maxBitrate: 150_000 },
  { rid: 'large', maxBitrate: 1_200_000 },
]

/** What is sent under each rid from now on, for so long. */
async function sentIn(ms: number, { client }: RemoteCaller) {
  const sent = async () => {
    const video = (await client.evaluate((client) => client.sent())).filter(({ kind }) => kind === 'video')
    return { atMs: performance.now(), of: (rid: string) => video.find((encoding) => encoding.rid === rid)! }
  }
  const first = await sent()
  await new Promise((resolve) => setTimeout(resolve, ms))
  const last = await sent()
  return (rid: string) => ({
    frames: last.of(rid).framesEncoded - first.of(rid).framesEncoded,
    bps: ((last.of(rid).bytes - first.of(rid).bytes) * 8_000) / (last.atMs - first.atMs),
  })
}

async function call(browser: BrowserName): Promise<{ ann: RemoteCaller; bob: RemoteCaller }> {
  const ann = await stage.join(browser, browser, 'ann')
  await ann.publish({ audio: true, video: { ...LARGE, drawn: true, encodings } })
  const bob = await stage.join('Chromium', browser, 'bob')
  await bob.subscribe('ann')
  return { ann, bob }
}

async function sees(viewer: RemoteCaller, width: number, withinMs: number): Promise<void> {
  const video = async () => (await viewer.receivedOf('ann')).find(({ kind }) => kind === 'video')
  await eventually(`${width} pixels`, async () => (await video())?.width === width, { withinMs })
  await viewer.plays('ann', ['video'])
}

async function stopsTheLargeOne(browser: BrowserName, t: TestContext): Promise<void> {
  const { ann, bob } = await call(browser)
  await sees(bob, LARGE.width, 30_000)
  const both = await sentIn(2_000, ann)
  assert.ok(both('large').frames > 5 && both('small').frames > 5, 'both are sent')

  await bob.prefer('ann', { max_width: SMALL.width })
  const smallMs = performance.now()
  await sees(bob, SMALL.width, 10_000)
  const stopped = async () => {
    const sent = await sentIn(3_000, ann)
    return sent('large').frames === 0 && sent
  }
  const one = await eventually('not one large picture in 3 s', stopped, { withinMs: 20_000 })
  t.diagnostic(`stopped after ${((performance.now() - smallMs) / 1_000 - 3).toFixed(1)} s`)
  const told = ['large', 'small'].map((rid) => `${rid}: ${one(rid).frames} frames, ${one(rid).bps.toFixed(0)} bit/s`)
  t.diagnostic(told.join('; '))
  // It may have been asked for something that it sent before.
  assert.ok(one('large').bps < 5_000, told[0])
  assert.ok(one('small').frames > 15, told[1])

  await bob.prefer('ann', {})
  const largeMs = performance.now()
  await sees(bob, LARGE.width, 20_000)
  t.diagnostic(`back after ${((performance.now() - largeMs) / 1_000).toFixed(1)} s`)
  assert.ok((await sentIn(1_000, ann))('large').frames > 0)
  for (const caller of [ann, bob]) await caller.leave()
}

// At the same time: most of it is waiting.
describe('the large picture stops when its only viewer wants the small one, and is sent again when wanted', {
  concurrency: true,
}, () => {
  for (const browser of browserNames) test(`by ${browser}`, (t) => stopsTheLargeOne(browser, t))
})

test('no page had an error', () => {
  for (const [name, { problems }] of Object.entries(stage.pages)) assert.deepEqual(problems, [], name)
})
