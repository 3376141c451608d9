/** Pages that encrypt their encoded frames end to end: the server cannot read payloads and forwards them all the same. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browserNames } from '../support/browsers.js'
import { type CallStage, openCallStage, type RemoteCaller } from '../support/callers.js'
import { eventually } from '../support/eventually.js'
import type { Lock } from './pages/frame-lock.js'

let stage: CallStage

before(async () => {
  stage = await openCallStage()
})

after(() => stage.close())

const key = Array.from({ length: 16 }, (_, index) => index * 7)
const locks = {
  'all but what stacks look at': { key, leaves: 'payload' },
  'every byte': { key, leaves: 'all' },
} as const satisfies Record<string, Lock>

/** Frames of `user` that went through the viewer's lock, and that it could not open. */
const unlocked = (viewer: RemoteCaller, user: string) =>
  viewer.client.evaluate((client, user) => client.subscriptions.get(user)!.unlocked, user)

for (const [what, lock] of Object.entries(locks))
  test(`${what} is encrypted: pages of both browsers with the key play it, without it nothing`, async () => {
    const room = what
    const publishers: RemoteCaller[] = []
    for (const browser of browserNames) {
      const publisher = await stage.join(browser, room, `${browser} speaks`)
      await publisher.publish({ audio: true, video: {}, lock })
      publishers.push(publisher)
    }
    const viewers: RemoteCaller[] = []
    for (const browser of browserNames) {
      const viewer = await stage.join(browser, room, `${browser} looks`)
      for (const { user } of publishers) await viewer.subscribe(user, lock)
      viewers.push(viewer)
    }
    await Promise.all(viewers.flatMap((viewer) => publishers.map(({ user }) => viewer.plays(user, ['audio', 'video']))))

    const stranger = await stage.join('Chromium', room, 'a stranger')
    const [{ user }] = publishers as [RemoteCaller, ...RemoteCaller[]]
    await stranger.subscribe(user, { ...lock, key: key.map((byte) => byte ^ 1) })
    await eventually('frames that cannot be opened', async () => (await unlocked(stranger, user)).failed > 20, {
      withinMs: 10_000,
    })
    assert.equal((await unlocked(stranger, user)).frames, 0)
    for (const { kind, framesDecoded } of await stranger.receivedOf(user)) assert.equal(framesDecoded, 0, kind)
    for (const viewer of viewers)
      for (const { user } of publishers) {
        const { frames, failures } = await unlocked(viewer, user)
        assert.ok(frames > 20)
        assert.deepEqual(failures, [], `${viewer.user} at ${user}, who has the key`)
      }
    for (const caller of [...publishers, ...viewers, stranger]) await caller.leave()
  })
