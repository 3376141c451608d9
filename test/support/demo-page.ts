/** The demo page in a browser, used as people do. */
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { openPage } from './chromium.js'

export type DemoPage = Page & { problems: string[] }

/** Screenshots, for people to look at. */
export const output = fileURLToPath(new URL('../../../test/output', import.meta.url))

/** Opens the page and joins by hand, as a person does. */
export async function joinDemo(browser: Browser, serverUrl: string, room: string, name: string): Promise<DemoPage> {
  const page = await openPage(browser, `${serverUrl}/?room=${room}`)
  await page.getByTestId('name-input').fill(name)
  await page.getByTestId('join-button').click()
  await page.locator('[data-testid=state][data-state=joined]').waitFor()
  return page
}

export const tile = (page: Page, name: string) => page.locator(`[data-testid^="tile-${name}#"]`)
export const screenTile = (page: Page, name: string) => page.locator(`[data-testid^="screen-${name}#"]`)
export const video = (page: Page, name: string) => tile(page, name).locator('video')

type Tile = typeof tile

/** For Chromium: Firefox does not count what it plays of a MediaStream. */
export const framesOf = (page: Page, name: string) =>
  video(page, name).evaluate((element: HTMLVideoElement) => element.getVideoPlaybackQuality().totalVideoFrames)

export async function pictureMoves(page: Page, name: string, withinMs = 8_000, of: Tile = tile): Promise<void> {
  await of(page, name).waitFor()
  const shown = of(page, name)
    .locator('video')
    .evaluate((element: HTMLVideoElement, withinMs) => {
      const frames = async () => {
        for (let frame = 0; frame < 4; frame++)
          await new Promise((resolve) => element.requestVideoFrameCallback(resolve))
        return true
      }
      return Promise.race([frames(), new Promise<false>((resolve) => setTimeout(() => resolve(false), withinMs))])
    }, withinMs)
  if (!(await shown)) throw new Error(`not within ${withinMs} ms: ${name}'s picture moves`)
}

/** Loudest sample of what the tile plays, over a second and a half (the fake microphone beeps once a second). */
export const loudness = (page: Page, name: string) =>
  video(page, name).evaluate(async (element: HTMLVideoElement) => {
    const context = new AudioContext()
    const analyser = context.createAnalyser()
    context.createMediaStreamSource(element.srcObject as MediaStream).connect(analyser)
    const samples = new Float32Array(analyser.fftSize)
    let loudest = 0
    const end = performance.now() + 1_500
    while (performance.now() < end) {
      analyser.getFloatTimeDomainData(samples)
      loudest = Math.max(loudest, ...samples.map(Math.abs))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await context.close()
    return loudest
  })

export async function say(page: Page, text: string): Promise<void> {
  await page.getByTestId('chat-input').fill(text)
  await page.getByTestId('chat-input').press('Enter')
}

export const chatOf = (page: Page) => page.getByTestId('chat-log').innerText()
