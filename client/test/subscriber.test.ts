import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Handle } from '../src/handle.js'
import { preferOf } from '../src/preference.js'
import type { JanusMessage } from '../src/protocol.js'
import type { Session } from '../src/session.js'
import { Subscriber } from '../src/subscriber.js'

/** As much of a PeerConnection as one needs that is never offered anything. */
class SilentPeerConnection extends EventTarget {
  readonly connectionState = 'new'
  close(): void {}
}

type Asked = { kind: string; prefer?: unknown; subscribe?: { prefer: unknown } }

/** A subscriber whose requests are answered when the test says so. */
function subscriber() {
  Object.assign(globalThis, { RTCPeerConnection: SilentPeerConnection })
  const asked: Asked[] = []
  const answers: ((success: boolean) => void)[] = []
  const problems: string[] = []
  const request = (message: { janus: string; body?: Asked }): Promise<JanusMessage> =>
    new Promise((resolve) => {
      if (message.janus !== 'message') return
      asked.push(message.body!)
      answers.push((success) =>
        resolve({ janus: 'event', plugindata: { data: { success } } } as unknown as JanusMessage),
      )
    })
  const session = { attach: async () => new Handle({ request, forget: () => {} }, 1) } as unknown as Session
  const settings = { room: 'r', user: 'ann', token: undefined, configuration: {} }
  const listener = { track: () => {}, lost: () => {}, problem: ({ message }: Error) => problems.push(message) }
  const bob = new Subscriber(session, settings, 'bob', listener)
  /** Answers what was asked longest ago, and lets what follows happen. */
  const answer = async (success = true) => {
    answers.shift()!(success)
    await settled()
  }
  return { bob, asked, problems, answer }
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
