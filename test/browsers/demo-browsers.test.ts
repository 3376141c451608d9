/** The demo page in Firefox beside Chromium, and a screen that is shared on it. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import { type BrowserName, launchBrowsers } from '../support/browsers.js'
import {
  chatOf,
  type DemoPage,
  framesOf,
  joinDemo,
  loudness,
  output,
  pictureMoves,
  say,
  screenTile,
  tile,
} from '../support/demo-page.js'
import { eventually } from '../support/eventually.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

let server: ServerProcess
let browsers: Awaited<ReturnType<typeof launchBrowsers>>

before(async () => {
  mkdirSync(output, { recursive: true })
  server = await startServer()
  // A camera of 720p in three sizes and a screen, encoded and shown by three browsers, is too much for two cores at 30
  // pictures a second.
  browsers = await launchBrowsers(['--use-fake-device-for-media-stream=fps=10'])
})

after(async () => {
  await browsers.close()
  await server.stop()
})

const join = (browser: BrowserName, room: string, name: string): Promise<DemoPage> =>
  joinDemo(browsers[browser], server.url, room, name)

const shoot = (page: DemoPage, name: string) => page.screenshot({ path: joinPath(output, `${name}.png`) })

/** For a screenshot playwright-core adds a style, of which Firefox says that the page does not allow it; the page has none. */
const problemsOf = ({ problems }: DemoPage) =>
  problems.filter((problem) => !problem.includes('blocked an inline style'))

const within = { withinMs: 30_000 }

test('in Firefox: joined by hand, pictures and sound both ways, chat, and gone after leaving', async () => {
  const fay = await join('Firefox', 'zoo', 'Fay')
  const cat = await join('Chromium', 'zoo', 'Cat')
  await Promise.all([pictureMoves(fay, 'Cat', 30_000), pictureMoves(cat, 'Fay', 30_000)])
  await eventually('Fay hears Cat', async () => (await loudness(fay, 'Cat')) > 0.01, within)
  await eventually('Cat hears Fay', async () => (await loudness(cat, 'Fay')) > 0.01, within)
  await say(fay, 'Hello from Firefox')
  await eventually('Cat reads it', async () => (await chatOf(cat)).includes('Hello from Firefox'), within)
  await say(cat, 'Hello from Chromium')
  await eventually('Fay reads it', async () => (await chatOf(fay)).includes('Hello from Chromium'), within)
  await shoot(fay, 'firefox')

  const seesPicture = async (on: 'on' | 'off') => (await tile(cat, 'Fay').getAttribute('data-video')) === on
  await fay.getByTestId('camera-button').click()
  await eventually('Fay has no picture', () => seesPicture('off'), within)
  await fay.getByTestId('camera-button').click()
  await eventually('Fay has one again', () => seesPicture('on'), within)
  await pictureMoves(cat, 'Fay', 30_000)

  await fay.getByTestId('leave-button').click()
  await tile(cat, 'Fay').waitFor({ state: 'detached' })
  await fay.getByTestId('join-button').waitFor()
  for (const page of [fay, cat]) {
    assert.deepEqual(problemsOf(page), [])
    await page.context().close()
  }
})

test('a screen is shared beside the camera: both browsers show it, labelled; it ends, and comes again', async () => {
  const ann = await join('Chromium', 'talk', 'Ann')
  /** Without a camera: each is another picture in three sizes, and what is looked at here is Ann's. */
  const look = async (browser: BrowserName, name: string) => {
    const page = await join(browser, 'talk', name)
    await page.getByTestId('camera-button').click()
    return page
  }
  const fay = await look('Firefox', 'Fay')
  const cid = await look('Chromium', 'Cid')
  await pictureMoves(fay, 'Ann', 30_000)
  await cid.getByTestId('leave-button').click()
  const button = ann.getByTestId('screen-button')
  await button.click()
  await screenTile(ann, 'Ann').waitFor()
  assert.equal(await button.getAttribute('aria-pressed'), 'true')
  // Who comes later is told what is what.
  await cid.getByTestId('join-button').click()
  const viewers = [fay, cid]
  const shapeOf = (page: DemoPage) =>
    screenTile(page, 'Ann')
      .locator('video')
      .evaluate(({ videoWidth, videoHeight }: HTMLVideoElement) => videoWidth / videoHeight)
  for (const page of viewers) {
    await pictureMoves(page, 'Ann', 30_000, screenTile)
    await pictureMoves(page, 'Ann', 30_000)
    assert.equal(await screenTile(page, 'Ann').locator('.tile-name').textContent(), 'Ann’s screen')
    assert.ok(Math.abs((await shapeOf(page)) - (await shapeOf(ann))) < 0.02, 'its shape')
  }
  assert.equal(await screenTile(ann, 'Ann').locator('.tile-name').textContent(), 'Your screen')
  await shoot(fay, 'screen-firefox')
  await shoot(ann, 'screen-own')

  // What is chosen for the camera does not concern the screen.
  await tile(cid, 'Ann').locator('select').selectOption('Sound only')
  await eventually('the camera stands still', async () => {
    const before = await framesOf(cid, 'Ann')
    await new Promise((resolve) => setTimeout(resolve, 500))
    return (await framesOf(cid, 'Ann')) === before
  })
  await pictureMoves(cid, 'Ann', 30_000, screenTile)
  await shoot(cid, 'screen-chromium')

  await button.click()
  for (const page of [ann, ...viewers]) await screenTile(page, 'Ann').waitFor({ state: 'detached' })
  await pictureMoves(fay, 'Ann', 30_000)
  await button.click()
  for (const page of viewers) await pictureMoves(page, 'Ann', 30_000, screenTile)
  await ann.getByTestId('leave-button').click()
  for (const page of viewers) await screenTile(page, 'Ann').waitFor({ state: 'detached' })
  for (const page of [ann, ...viewers]) {
    assert.deepEqual(problemsOf(page), [])
    await page.context().close()
  }
})
