/** Real Chromium pages with A-Frame, networked-aframe and naf-janus-adapter, all unmodified. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SignJWT } from 'jose'
import type { Browser, JSHandle } from 'playwright-core'
import { launchChromium, openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import { servePages } from '../support/pages.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import type { AframePage } from './pages/aframe-client.js'

const folder = mkdtempSync(join(tmpdir(), 'rostra-aframe-'))
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
let server: ServerProcess
let browser: Browser
let pages: Awaited<ReturnType<typeof servePages>>

before(async () => {
  writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  pages = await servePages()
  server = await startServer(['--auth-key', join(folder, 'key.pem')])
  // WebGL without a GPU.
  browser = await launchChromium(['--use-angle=swiftshader', '--enable-unsafe-swiftshader'])
})

after(async () => {
  await browser.close()
  await server.stop()
  pages.close()
  rmSync(folder, { recursive: true, force: true })
})

const token = (claims: object) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS512' }).setExpirationTime('1h').sign(privateKey)

async function enter(room: string, id: string) {
  const page = await openPage(browser, `${pages.url}/aframe.html`)
  const url = `${server.webSocketUrl}/?profile=upstream`
  const aframe = await page.evaluateHandle(
    async ([url, room, id, token]) => {
      const aframe = new Aframe()
      await aframe.enter(url!, room!, id!, token!)
      return aframe
    },
    [url, room, id, await token({ join_hub: true })],
  )
  return { page, aframe }
}

type Aframe = JSHandle<AframePage>

const patience = { withinMs: 15_000 }

const seen = (aframe: Aframe, id: string) => aframe.evaluate((aframe, id) => aframe.seen(id) ?? null, id)

const told = (aframe: Aframe, what: string) =>
  eventually(what, async () => (await aframe.evaluate(({ told }) => told)).includes(what), patience)

const move = (aframe: Aframe, x: number, z: number) => aframe.evaluate((aframe, [x, z]) => aframe.move(x!, z!), [x, z])

const seesAt = (aframe: Aframe, id: string, x: number, z: number) =>
  eventually(
    `${id} at ${x}, ${z}`,
    async () => {
      const at = await seen(aframe, id)
      return at !== null && Math.hypot(at.x - x, at.z - z) < 0.01
    },
    patience,
  )

const loudness = (aframe: Aframe, id: string) => aframe.evaluate((aframe, id) => aframe.loudness(id), id)

const hears = (aframe: Aframe, id: string) =>
  eventually(`sound of ${id}`, async () => ((await loudness(aframe, id)) ?? 0) > 1, patience)

const hearsNothing = (aframe: Aframe, id: string) =>
  eventually(`silence of ${id}`, async () => (await loudness(aframe, id)) === 0, patience)

test('avatars move and speak in each other’s scenes; block, unblock and kick', async () => {
  const ann = await enter('scene', 'ann')
  const bob = await enter('scene', 'bob')
  await Promise.all([told(ann.aframe, 'clientConnected bob'), told(bob.aframe, 'clientConnected ann')])

  await move(ann.aframe, 3, -2)
  await move(bob.aframe, -1, 4)
  await Promise.all([seesAt(bob.aframe, 'ann', 3, -2), seesAt(ann.aframe, 'bob', -1, 4)])
  await Promise.all([hears(ann.aframe, 'bob'), hears(bob.aframe, 'ann')])

  await ann.aframe.evaluate(({ adapter }) => adapter.block('bob'))
  await told(bob.aframe, 'blocked ann')
  await move(ann.aframe, 5, 5)
  // Others still see and hear ann: what bob misses, he misses because of the block.
  const cid = await enter('scene', 'cid')
  await seesAt(cid.aframe, 'ann', 5, 5)
  await hears(cid.aframe, 'ann')
  assert.deepEqual(await seen(bob.aframe, 'ann'), { x: 3, z: -2 })
  await hearsNothing(bob.aframe, 'ann')

  await ann.aframe.evaluate(({ adapter }) => adapter.unblock('bob'))
  await told(bob.aframe, 'unblocked ann')
  await move(ann.aframe, 6, 6)
  await seesAt(bob.aframe, 'ann', 6, 6)
  await hears(bob.aframe, 'ann')

  const permission = await token({ kick_users: true, room_ids: ['scene'] })
  await ann.aframe.evaluate(({ adapter }, permission) => adapter.kick('bob', permission), permission)
  await told(ann.aframe, 'kicked bob')
  await Promise.all([told(ann.aframe, 'clientDisconnected bob'), told(cid.aframe, 'clientDisconnected bob')])
  assert.equal(await seen(ann.aframe, 'bob'), null)
  await move(ann.aframe, 7, 7)
  await seesAt(cid.aframe, 'ann', 7, 7)

  assert.deepEqual([ann.page.problems, cid.page.problems], [[], []])
  for (const { page } of [ann, bob, cid]) await page.context().close()
})
