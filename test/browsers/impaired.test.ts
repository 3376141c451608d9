/** Real pages on bad links: what somebody sees there. The relay's seed is fixed, the browsers are as they are. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { type BrowserName, browserNames, launchBrowsers } from '../support/browsers.js'
import { browserPage } from '../support/impaired/browser-page.js'
import { type ImpairedServer, startRostra } from '../support/impaired/server.js'
import { ImpairedStage, type Sample } from '../support/impaired/stage.js'
import { servePages } from '../support/pages.js'

const PICTURE = { width: 320, height: 180, framesPerSecond: 20 }
const DELAY_MS = 10

/** What was seen on links that lose and reorder, by link and pair. */
const table: Record<string, Record<string, string | number>> = {}

let server: ImpairedServer
let browsers: Awaited<ReturnType<typeof launchBrowsers>>
let pages: Awaited<ReturnType<typeof servePages>>

before(async () => {
  pages = await servePages()
  server = await startRostra()
  browsers = await launchBrowsers()
})

after(async () => {
  console.table(table)
  await browsers.close()
  await server.stop()
  pages.close()
})

interface Call {
  encodings: RTCRtpEncodingParameters[]
  picture?: typeof PICTURE
  /** Browsers of the two; default Chromium. */
  publisher?: BrowserName
  viewer?: BrowserName
}

async function open(
  t: TestContext,
  { encodings, picture = PICTURE, publisher: from = 'Chromium', viewer = 'Chromium' }: Call,
): Promise<ImpairedStage> {
  const [publisher, subscriber] = await Promise.all(
    [from, viewer].map((name) => browserPage(browsers[name], `${pages.url}/impaired.html`)),
  )
  const ends = { publisher: publisher!, subscriber: subscriber! }
  const stage = await ImpairedStage.open({ server, ...ends, picture, encodings, seed: 42 })
  t.after(() => stage.close())
  await stage.until('moving pictures', ({ receiver }) => receiver.framesDecoded > 20, 10_000)
  return stage
}

const encodedFrames = ({ sender }: Sample) => Math.max(...sender.encodings.map(({ framesEncoded }) => framesEncoded))

const targetBps = ({ sender }: Sample) => sender.encodings.reduce((sum, { targetBps }) => sum + targetBps, 0)

/** A row of the table. */
function note(name: string, samples: readonly Sample[]): { frames: number; encoded: number; seconds: number } {
  const first = samples[0]!
  const last = samples.at(-1)!
  const seconds = (last.atMs - first.atMs) / 1_000
  const frames = last.receiver.framesDecoded - first.receiver.framesDecoded
  const encoded = encodedFrames(last) - encodedFrames(first)
  // Firefox tells of no freezes.
  const told = (of: (sample: Sample) => number | undefined) =>
    of(last) === undefined ? '–' : Math.round(of(last)! - of(first)!)
  const heights = samples.map(({ receiver }) => receiver.height)
  table[name] = {
    'frames/s': Number((frames / seconds).toFixed(1)),
    'encoded/s': Number((encoded / seconds).toFixed(1)),
    freezes: told(({ receiver }) => receiver.freezes),
    'frozen, ms': told(({ receiver }) => receiver.frozenMs),
    'height over time': heights.filter((height, at) => height !== heights[at - 1]).join(' '),
  }
  return { frames, encoded, seconds }
}

for (const [publisher, viewer] of [
  ['Chromium', 'Firefox'],
  ['Firefox', 'Chromium'],
] as const)
  test(`${publisher} → ${viewer}, every twentieth packet lost and every twentieth overtaken on every way: pictures keep moving`, async (t) => {
    const stage = await open(t, { encodings: [{ maxBitrate: 500_000 }], publisher, viewer })
    const link = { loss: 0.05, reorder: 0.05, reorderMs: 20, delayMs: DELAY_MS }
    await stage.impair({ publisher: link, subscriber: link })
    const samples = await stage.during(6_000)
    const { frames, encoded, seconds } = note(`5 % lost, 5 % late, ${publisher} → ${viewer}`, samples)
    const told = `${frames} of ${encoded} frames in ${seconds.toFixed(1)} s`
    assert.ok(frames > 0.8 * encoded && frames / seconds > 8, told)
    for (const link of ['publisher', 'subscriber']) {
      const { up, down } = samples.at(-1)!.relay.links[link]!
      assert.ok(up.lost > 0 && down.lost > 0, `losses of the ${link}`)
    }
  })

test('5 % and 10 % loss on every way: pictures keep moving, by retransmissions', async (t) => {
  const stage = await open(t, { encodings: [{ maxBitrate: 500_000 }] })
  // Who has not found its bitrate yet leaves frames out by itself.
  await stage.until('a full bitrate', (sample) => targetBps(sample) > 350_000, 20_000)
  for (const loss of [0.05, 0.1]) {
    const link = { loss, delayMs: DELAY_MS }
    await stage.impair({ publisher: link, subscriber: link })
    const samples = await stage.during(5_000)
    const first = samples[0]!
    const last = samples.at(-1)!
    const seconds = (last.atMs - first.atMs) / 1_000
    const frames = last.receiver.framesDecoded - first.receiver.framesDecoded
    const encoded = encodedFrames(last) - encodedFrames(first)
    const frozenMs = last.receiver.frozenMs! - first.receiver.frozenMs!
    const told = `${loss * 100} %: ${frames} of ${encoded} frames in ${seconds.toFixed(1)} s, frozen ${frozenMs} ms`
    note(`${loss * 100} % lost, Chromium → Chromium`, samples)
    assert.ok(frames > 0.9 * encoded && frames / seconds > 15, told)
    assert.ok(frozenMs < 1_500, told)
    assert.ok(last.receiver.retransmitted > first.receiver.retransmitted, 'to the subscriber')
    const repaired = last.sender.encodings[0]!.retransmitted - first.sender.encodings[0]!.retransmitted
    assert.ok(repaired > 0, 'by the publisher')
    for (const link of ['publisher', 'subscriber']) {
      const { up, down } = last.relay.links[link]!
      assert.ok(up.lost > 0 && down.lost > 0, `losses of the ${link}`)
    }
  }
})

test('a publisher on a thin link sends less within seconds, and as much as before when the link has recovered', async (t) => {
  const stage = await open(t, { encodings: [{ maxBitrate: 1_000_000 }] })
  const good = await stage.until('a full bitrate', (sample) => targetBps(sample) > 700_000, 20_000)

  await stage.impair({ publisher: { delayMs: DELAY_MS, rateBps: 250_000, queueMs: 2_000 } })
  const fell = performance.now()
  await stage.until('a bitrate that fits', (sample) => targetBps(sample) < 250_000, 8_000)
  t.diagnostic(`less after ${(performance.now() - fell).toFixed(0)} ms`)
  await stage.until('an empty queue', ({ relay }) => relay.links.publisher!.up.queueMs < 100, 10_000)
  const thin = await stage.during(4_000)
  const waits = thin.map(({ relay }) => relay.links.publisher!.up.queueMs).sort((a, b) => a - b)
  assert.ok(waits[waits.length >> 1]! < 400, `waits ${waits}`)
  const frames = thin.at(-1)!.receiver.framesDecoded - thin[0]!.receiver.framesDecoded
  const encoded = encodedFrames(thin.at(-1)!) - encodedFrames(thin[0]!)
  const told = `${frames} of ${encoded} frames in 4 s, asked for ${thin.map(targetBps).map(Math.round).join(' ')} bit/s`
  t.diagnostic(told)
  // How many there are is up to the browser, whose estimate falls the deeper the longer the queue was.
  assert.ok(frames > 0.8 * encoded && frames > 4 * 4, told)
  await stage.impair({ publisher: { delayMs: DELAY_MS } })
  const rose = performance.now()
  await stage.until('the bitrate of before', (sample) => targetBps(sample) > 0.7 * targetBps(good), 25_000)
  t.diagnostic(`back after ${(performance.now() - rose).toFixed(0)} ms`)
})

async function thinLink(t: TestContext, viewer: BrowserName): Promise<void> {
  const encodings = [
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 130_000 },
    { rid: 'f', maxBitrate: 700_000 },
  ]
  const picture = { width: 480, height: 270, framesPerSecond: 20 }
  const stage = await open(t, { encodings, picture, viewer })
  const wait = ({ relay }: Sample) => relay.links.subscriber!.down.queueMs
  // At its full rate: a large picture of which the base layer alone fits the thin link might stay.
  const whole = ({ sender, receiver }: Sample) =>
    receiver.height === 270 && sender.encodings.at(-1)!.targetBps > 600_000
  await stage.until('the large picture', whole, 30_000)

  await stage.impair({ subscriber: { delayMs: DELAY_MS, rateBps: 250_000, queueMs: 2_000 } })
  const fell = performance.now()
  await stage.until('the small picture', ({ receiver }) => receiver.height === 135, 5_000)
  t.diagnostic(`small after ${(performance.now() - fell).toFixed(0)} ms`)
  await stage.until('an empty queue', (sample) => wait(sample) < 100, 10_000)
  const thin = await stage.during(4_000)
  const waits = thin.map(wait).sort((a, b) => a - b)
  assert.ok(waits[waits.length >> 1]! < 400, `waits ${waits}`)
  const frames = thin.at(-1)!.receiver.framesDecoded - thin[0]!.receiver.framesDecoded
  assert.ok(frames > 4 * 4, `${frames} frames in 4 s`)

  await stage.impair({ subscriber: { delayMs: DELAY_MS } })
  const rose = performance.now()
  await stage.until('the large picture again', ({ receiver }) => receiver.height === 270, 10_000)
  t.diagnostic(`large after ${(performance.now() - rose).toFixed(0)} ms`)
}

for (const viewer of browserNames)
  test(`a subscriber (${viewer}) on a thin link gets the small picture within seconds, and the large one when it has recovered`, (t) =>
    thinLink(t, viewer))
