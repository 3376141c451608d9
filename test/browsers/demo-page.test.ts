/** The promise: people open the page, see and hear each other, talk, block, and survive a restart of the server. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Room } from '../../client/src/index.js'
import { launchChromium, openPage } from '../support/chromium.js'
import { writeClip } from '../support/clip.js'
import {
  chatOf,
  type DemoPage,
  framesOf,
  joinDemo,
  loudness,
  output,
  pictureMoves,
  say,
  tile,
  video,
} from '../support/demo-page.js'
import { eventually } from '../support/eventually.js'
import { ADMIN_SECRET, HttpOperator } from '../support/operator.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

let server: ServerProcess
let browser: Browser
const open: Page[] = []

before(async () => {
  mkdirSync(output, { recursive: true })
  server = await startServer(['--admin-secret', ADMIN_SECRET])
  browser = await launchChromium()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((page) => page.context().close()))
})

after(async () => {
  await browser.close()
  await server.stop()
})

async function join(room: string, name: string, using = browser): Promise<DemoPage> {
  const page = await joinDemo(using, server.url, room, name)
  open.push(page)
  return page
}

/** As `pictureMoves`, watched inside the page from now on; gives when the third new frame was shown, by `Date.now()`. */
const thirdFrame = (page: Page, name: string) =>
  video(page, name).evaluate(async (element: HTMLVideoElement) => {
    for (let frames = 0; frames < 3; frames++)
      await new Promise((resolve) => element.requestVideoFrameCallback(resolve))
    return Date.now()
  })

/** When the page takes a tile away, watched inside the page from now on, by `Date.now()`. */
const gone = (page: Page, name: string) =>
  page.evaluate((name) => {
    const isGone = () => document.querySelector(`[data-testid^="tile-${name}#"]`) === null
    return new Promise<number>((resolve) => {
      const observer = new MutationObserver(() => isGone() && resolve(Date.now()))
      observer.observe(document.body, { childList: true, subtree: true })
    })
  }, name)

const widthOf = (page: Page, name: string) =>
  video(page, name).evaluate((element: HTMLVideoElement) => element.videoWidth)

test('three people see, hear and write to each other, and one who leaves is gone', async () => {
  const ann = await join('lobby', 'Ann')
  const bob = await join('lobby', 'Bob')
  await Promise.all([pictureMoves(ann, 'Bob'), pictureMoves(bob, 'Ann')])
  const cid = await join('lobby', 'Cid')
  await Promise.all([pictureMoves(cid, 'Ann'), pictureMoves(cid, 'Bob'), pictureMoves(ann, 'Cid')])
  for (const [page, name] of [
    [ann, 'Bob'],
    [cid, 'Ann'],
  ] as const)
    assert.ok((await loudness(page, name)) > 0.01, `${name} is heard`)
  await eventually('the speaking indicator lights up', () =>
    tile(bob, 'Ann')
      .getAttribute('data-speaking')
      .then((on) => on === 'true'),
  )
  await say(ann, 'Hello, room')
  for (const page of [bob, cid])
    await eventually('the line arrives', async () => (await chatOf(page)).includes('Hello, room'))
  await ann.screenshot({ path: joinPath(output, 'three-people.png') })

  await cid.getByTestId('mic-button').click()
  await eventually('the others see that Cid is muted', () =>
    tile(ann, 'Cid')
      .getAttribute('data-muted')
      .then((muted) => muted === 'true'),
  )
  const goneAt = Promise.all([gone(ann, 'Cid'), gone(bob, 'Cid')])
  const leftMs = await cid.getByTestId('leave-button').evaluate((button: HTMLButtonElement) => {
    const nowMs = Date.now()
    button.click()
    return nowMs
  })
  for (const atMs of await goneAt) assert.ok(atMs - leftMs < 1_000, `gone after ${atMs - leftMs} ms`)
  for (const page of [ann, bob, cid]) assert.deepEqual(page.problems, [])
})

/** What its room hears on data channels, from now on. */
const listen = (page: Page) =>
  page.evaluate(() => {
    const heard: string[] = []
    Object.assign(window, { heard })
    ;(window as unknown as { rostra: Room }).rostra.on('data', ({ channel, payload }) => {
      const isText = typeof payload === 'string'
      heard.push(`${channel} ${isText ? `text ${payload}` : `bytes ${new Uint8Array(payload).join('.')}`}`)
    })
  })
const heard = (page: Page) => page.evaluate(() => (window as unknown as { heard: string[] }).heard)

test('both channels of the page carry text and binary', async () => {
  const ann = await join('data', 'Ann')
  const bob = await join('data', 'Bob')
  await Promise.all([pictureMoves(ann, 'Bob'), listen(bob)])
  const taken = await ann.evaluate(() => {
    const { rostra } = window as unknown as { rostra: Room }
    return [true, false].flatMap((reliable) => [
      rostra.send('a word', { reliable }),
      rostra.sendBinary(Uint8Array.of(1, 0, 255).buffer, { reliable }),
    ])
  })
  assert.deepEqual(taken, [true, true, true, true])
  const all = ['reliable bytes 1.0.255', 'reliable text a word', 'unreliable bytes 1.0.255', 'unreliable text a word']
  await eventually('everything arrives', async () => (await heard(bob)).length >= all.length)
  assert.deepEqual((await heard(bob)).sort(), all)
})

test('a block on the page stops the picture on both sides, and unblocking brings it back within 2 s', async () => {
  const ann = await join('quiet', 'Ann')
  const bob = await join('quiet', 'Bob')
  await Promise.all([pictureMoves(ann, 'Bob'), pictureMoves(bob, 'Ann')])
  const button = ann.locator('[data-testid^="block-Bob#"]')
  await button.click()
  await eventually('both see the block', async () => {
    const [blocked, blockedBy] = [tile(ann, 'Bob'), tile(bob, 'Ann')]
    return (
      (await blocked.getAttribute('data-blocked')) === 'true' &&
      (await blockedBy.getAttribute('data-blocked-by')) === 'true'
    )
  })
  await ann.screenshot({ path: joinPath(output, 'blocked.png') })
  const before = [await framesOf(ann, 'Bob'), await framesOf(bob, 'Ann')]
  await say(bob, 'can you read me?')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  // A frame that was decoded may still have been waiting to be painted.
  assert.ok((await framesOf(ann, 'Bob')) - before[0]! <= 2)
  assert.ok((await framesOf(bob, 'Ann')) - before[1]! <= 2)
  assert.ok(!(await chatOf(ann)).includes('can you read me?'))
  const backAt = Promise.all([thirdFrame(ann, 'Bob'), thirdFrame(bob, 'Ann')])
  const unblockedMs = await button.evaluate((element: HTMLElement) => {
    const nowMs = Date.now()
    element.click()
    return nowMs
  })
  for (const atMs of await backAt) assert.ok(atMs - unblockedMs < 2_000, `back after ${atMs - unblockedMs} ms`)
})

test('what the camera sees is what arrives', async () => {
  const folder = mkdtempSync(joinPath(tmpdir(), 'rostra-clip-'))
  const clip = joinPath(folder, 'clip.y4m')
  writeClip(clip)
  const withClip = await launchChromium([`--use-file-for-fake-video-capture=${clip}`])
  try {
    const bob = await join('cinema', 'Bob')
    await join('cinema', 'Ann', withClip)
    await pictureMoves(bob, 'Ann')
    const pixels = () =>
      video(bob, 'Ann').evaluate((element: HTMLVideoElement) => {
        const canvas = new OffscreenCanvas(element.videoWidth, element.videoHeight)
        const context = canvas.getContext('2d')!
        context.drawImage(element, 0, 0)
        const at = (x: number) => [
          ...context.getImageData(x * canvas.width, 0.5 * canvas.height, 1, 1).data.slice(0, 3),
        ]
        return { left: at(0.25), right: at(0.75) }
      })
    await eventually('red on the left, blue on the right', async () => {
      const { left, right } = await pixels()
      return left[0]! > 150 && left[2]! < 100 && right[2]! > 150 && right[0]! < 100
    })
  } finally {
    await Promise.all(open.splice(0).map((page) => page.context().close()))
    await withClip.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the page is usable on a phone, and says what is wrong in words', async () => {
  const page = await openPage(browser, `${server.url}/?room=phone`)
  open.push(page)
  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByTestId('name-input').fill('Eve')
  await page.getByTestId('join-button').click()
  await page.locator('[data-testid=state][data-state=joined]').waitFor()
  for (const id of ['mic-button', 'camera-button', 'leave-button', 'chat-button']) {
    const box = (await page.getByTestId(id).boundingBox())!
    assert.ok(box.width >= 44 && box.height >= 44, `${id} is big enough for a thumb`)
    assert.ok(box.x >= 0 && box.x + box.width <= 390, `${id} is on the screen`)
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways')
  await page.screenshot({ path: joinPath(output, 'phone.png') })
})

test('the server is killed and started again: people come back by themselves', async () => {
  const ann = await join('phoenix', 'Ann')
  const bob = await join('phoenix', 'Bob')
  await Promise.all([pictureMoves(ann, 'Bob'), pictureMoves(bob, 'Ann')])
  const { port } = server
  await server.stop('SIGKILL')
  await eventually('the page says so', () =>
    ann
      .getByTestId('state')
      .getAttribute('data-state')
      .then((state) => state === 'reconnecting'),
  )
  await ann.screenshot({ path: joinPath(output, 'reconnecting.png') })
  server = await startServer(['--admin-secret', ADMIN_SECRET], port)
  for (const page of [ann, bob])
    await page.locator('[data-testid=state][data-state=joined]').waitFor({ timeout: 20_000 })
  await Promise.all([pictureMoves(ann, 'Bob', 15_000), pictureMoves(bob, 'Ann', 15_000)])
})

/** What the server knows of everybody's video: layers that come, what is to be sent, and why it is not all. */
async function videoOfAll(): Promise<string> {
  const operator = new HttpOperator(server)
  const lines: unknown[] = []
  for (const session_id of (await operator.send('list_sessions')).sessions as number[]) {
    for (const handle_id of (await operator.send('list_handles', { session_id })).handles as number[]) {
      const { info } = await operator.send('handle_info', { session_id, handle_id })
      const { bwe, media = {} } = info?.webrtc ?? {}
      const video = Object.values(media).find(({ type }) => type === 'video')
      lines.push({ bwe, encodings: video?.encodings, target: video?.target, limit: video?.limit, stats: video?.stats })
    }
  }
  return JSON.stringify(lines)
}

/** Of 1280, 640 and 320 pixels the widest that the machine has time to encode, which may take a while to find out. */
async function getsTheBestPicture(viewer: DemoPage, name: string): Promise<void> {
  try {
    await eventually('the best picture', async () => (await widthOf(viewer, name)) >= 640, { withinMs: 60_000 })
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${await videoOfAll()}`)
  }
}

test('a viewer chooses a smaller picture, or none, and gets the best one back', async () => {
  const ann = await join('quality', 'Ann')
  const bob = await join('quality', 'Bob')
  await pictureMoves(bob, 'Ann')
  const choice = tile(bob, 'Ann').locator('select')
  const within = { withinMs: 30_000 }
  await getsTheBestPicture(bob, 'Ann')
  await choice.selectOption('Small picture')
  await eventually('a small one', async () => (await widthOf(bob, 'Ann')) <= 320, within)
  await pictureMoves(bob, 'Ann')
  await tile(bob, 'Ann').hover()
  await bob.screenshot({ path: joinPath(output, 'demo-quality.png') })
  await choice.selectOption('Sound only')
  await eventually('no picture', async () => {
    const before = await framesOf(bob, 'Ann')
    await new Promise((resolve) => setTimeout(resolve, 500))
    return (await framesOf(bob, 'Ann')) === before
  })
  await eventually('Ann is heard all the while', async () => (await loudness(bob, 'Ann')) > 0.01)
  await choice.selectOption('Best picture')
  await getsTheBestPicture(bob, 'Ann')
  assert.deepEqual([...ann.problems, ...bob.problems], [])
})
