import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Handle } from '../src/handle.js'
import { preferOf } from '../src/preference.js'
import type { JanusMessage } from '../src/protocol.js'
import type { Session } from '../src/session.js'
import { Subscriber, type SubscriberListener } from '../src/subscriber.js'
import { TokenSource } from '../src/token-source.js'

/** As much of a PeerConnection as one needs that is never offered anything. */
class SilentPeerConnection extends EventTarget {
  readonly connectionState = 'new'
  close(): void {}
}

type Asked = { kind: string; prefer?: unknown; token?: string; subscribe?: { prefer: unknown } }

/** A subscriber whose requests are answered when the test says so. */
function subscriber(token?: ConstructorParameters<typeof TokenSource>[0]) {
  Object.assign(globalThis, { RTCPeerConnection: SilentPeerConnection })
  const asked: Asked[] = []
  const answers: ((success: boolean, code?: string) => void)[] = []
  const problems: string[] = []
  const request = (message: { janus: string; body?: Asked }): Promise<JanusMessage> =>
    new Promise((resolve) => {
      if (message.janus !== 'message') return
      asked.push(message.body!)
      answers.push((success, code) => {
        const data = { success, ...(code !== undefined && { error: { msg: code, code } }) }
        resolve({ janus: 'event', plugindata: { data } } as unknown as JanusMessage)
      })
    })
  const session = { attach: async () => new Handle({ request, forget: () => {} }, 1) } as unknown as Session
  const settings = { room: 'r', user: 'ann', token: new TokenSource(token), configuration: {} }
  const listener: SubscriberListener = {
    track: () => {},
    lost: () => {},
    problem: ({ message }) => problems.push(message),
  }
  const bob = new Subscriber(session, settings, 'bob', listener)
  /** Answers what was asked longest ago, and lets what follows happen. */
  const answer = async (success = true, code?: string) => {
    answers.shift()!(success, code)
    await settled()
  }
  return { bob, listener, asked, problems, answer }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a preference that changes all the time is told one at a time, and the last one is', async () => {
  const { bob, asked, answer, problems } = subscriber()
  await settled()
  assert.equal(asked.length, 1)
  bob.prefer(preferOf({ maxLayer: 1 }))
  assert.equal(asked.length, 1, 'what changes before the join was answered is told afterwards')
  await answer()
  assert.deepEqual(asked[1], { kind: 'subscribe', prefer: preferOf({ maxLayer: 1 }) })
  for (let i = 0; i < 100; i++) bob.prefer(preferOf({ maxLayer: 0 }, [String(i)]))
  assert.equal(asked.length, 2)
  await answer(false)
  assert.equal(problems.length, 1)
  assert.deepEqual(asked[2]?.prefer, preferOf({ maxLayer: 0 }, ['99']))
  await answer()
  assert.equal(asked.length, 3)
  bob.close()
})

test('what the server knows already is not told again', async () => {
  const { bob, asked, answer } = subscriber()
  await settled()
  await answer()
  for (let i = 0; i < 10; i++) bob.prefer(preferOf({}))
  assert.equal(asked.length, 1)
  bob.prefer(preferOf({ paused: true }))
  await answer()
  for (let i = 0; i < 10; i++) bob.prefer(preferOf({ paused: true }))
  assert.equal(asked.length, 2)
  bob.close()
})

/** The second and the third attempt follow within this. */
const PAUSE_MS = 1_000

/** Time passes when the test says so. */
function stopTime(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  return async () => {
    t.mock.timers.tick(PAUSE_MS)
    await settled()
  }
}

test('each attempt asks for a token of its own', async (t) => {
  const pause = stopTime(t)
  let given = 0
  const { bob, asked, answer, problems } = subscriber(() => `token ${++given}`)
  await settled()
  await answer(false, 'room_full')
  await pause()
  await answer(false, 'token_expired')
  await pause()
  await answer()
  assert.deepEqual(
    asked.map(({ token }) => token),
    ['token 1', 'token 2', 'token 3'],
  )
  assert.deepEqual([problems, bob.over], [['room_full', 'token_expired'], false])
  bob.close()
})

for (const [code, token] of [
  ['token_expired', 'the only one'],
  ['room_not_permitted', () => 'another one'],
  ['nonexistent_publisher', undefined],
] as const) {
  test(`${code} with ${typeof token} as the token is not tried again`, async (t) => {
    const pause = stopTime(t)
    const { bob, asked, answer, problems } = subscriber(token)
    await settled()
    await answer(false, code)
    await pause()
    assert.deepEqual([asked.length, problems, bob.over], [1, [code], true])
  })
}

test('whoever closes a subscriber on hearing of a problem gets no further attempt', async (t) => {
  const pause = stopTime(t)
  const { bob, listener, asked, answer } = subscriber()
  listener.problem = () => bob.close()
  await settled()
  await answer(false, 'room_full')
  await pause()
  assert.equal(asked.length, 1)
})

test('a token function is asked once for all who wait for its answer, and again afterwards', async () => {
  let asked = 0
  const source = new TokenSource(async () => {
    asked++
    await settled()
    return String(asked)
  })
  assert.deepEqual(await Promise.all([source.get(), source.get(), source.get()]), ['1', '1', '1'])
  assert.equal(await source.get(), '2')
  const broken = new TokenSource(() => Promise.reject(new Error('no network')))
  for (let i = 0; i < 2; i++) await assert.rejects(broken.get(), /no network/)
  assert.equal(await new TokenSource('fixed').get(), 'fixed')
  assert.equal(await new TokenSource(undefined).get(), undefined)
})
