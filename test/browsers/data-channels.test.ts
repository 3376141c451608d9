/** The SCTP of Chromium and of Firefox with ours: long messages through losses, channels that come and go, many of them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CallStage, openCallStage, type RemoteCaller } from '../support/callers.js'
import { eventually } from '../support/eventually.js'
import { ImpairedRelay } from '../support/impaired/relay.js'

let stage: CallStage
let relay: ImpairedRelay
let callers: readonly [RemoteCaller, RemoteCaller]

before(async () => {
  stage = await openCallStage()
  relay = new ImpairedRelay(11)
  const fronts = Object.fromEntries(
    await Promise.all(
      (stage.server.listening.rtcPorts as number[]).map(async (port) => {
        const front = await relay.open('both', { address: '127.0.0.2', port: 0 }, { address: '127.0.0.1', port })
        return [port, front] as const
      }),
    ),
  )
  callers = [
    await stage.join('Chromium', 'data', 'chromium', fronts),
    await stage.join('Firefox', 'data', 'firefox', fronts),
  ]
})

after(async () => {
  await relay.close()
  await stage.close()
})

const ways = (): [string, RemoteCaller, RemoteCaller][] => [
  ['Chromium → Firefox', callers[0], callers[1]],
  ['Firefox → Chromium', callers[1], callers[0]],
]

/** Opens a channel in the page. */
const open = (caller: RemoteCaller, label: string, init: RTCDataChannelInit = {}) =>
  caller.client.evaluate(
    (client, [label, init]) => {
      const channel = client.pc.createDataChannel(label, init)
      client.channels.set(label, channel)
      return new Promise<void>((resolve) => {
        channel.onopen = () => resolve()
      })
    },
    [label, init] as const,
  )

/** How many messages came on a channel, and how long they are together, a text's characters counted. */
const heard = (caller: RemoteCaller, label: string) =>
  caller.client.evaluate((client, label) => {
    const texts = client.received.filter((message) => message.label === label).map(({ payload }) => payload.slice(5))
    return {
      count: texts.length,
      last: texts.at(-1)?.slice(0, 40) ?? '',
      whole: texts.every((text) => /^(\d+ )\1*$/.test(text)),
      length: texts.join('').length,
    }
  }, label)

test('a message of 250 KB both ways while every tenth packet is lost', async () => {
  for (const [name, from, to] of ways()) await open(from, `big ${name}`).then(() => to)
  const link = { loss: 0.1, delayMs: 5 }
  await relay.impair('both', { up: link, down: link })
  const before = (await relay.figures()).links.both!
  for (const [name, from] of ways()) {
    await from.client.evaluate((client, label) => {
      client.send(label, '3 '.repeat(125_000))
    }, `big ${name}`)
  }
  for (const [name, , to] of ways()) {
    const done = await eventually(
      name,
      async () => {
        const told = await heard(to, `big ${name}`)
        return told.count === 1 && told
      },
      { withinMs: 90_000, everyMs: 200 },
    )
    assert.deepEqual(done, { count: 1, last: '3 '.repeat(20), whole: true, length: 250_000 }, name)
  }
  const { up, down } = (await relay.figures()).links.both!
  assert.ok(up.lost - before.up.lost > 15 && down.lost - before.down.lost > 15, 'packets were lost')
})

test('unreliable channels: what is lost stays lost, the rest comes', async () => {
  const link = { loss: 0.1, delayMs: 5 }
  await relay.impair('both', { up: link, down: link })
  const init = { ordered: false, maxRetransmits: 0 }
  for (const [name, from, to] of ways()) {
    const label = `loose ${name}`
    await open(from, label, init)
    await from.client.evaluate(async (client, label) => {
      for (let i = 0; i < 200; i++) {
        client.send(label, `${i} `)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }, label)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const { count } = await heard(to, label)
    assert.ok(count > 120 && count < 200, `${name}: ${count} of 200 over two ways with a loss of 10 % each`)
  }
})

test('a channel is closed and opened again under the same name, many times', async () => {
  await relay.impair('both', { up: {}, down: {} })
  for (const [name, from, to] of ways()) {
    const label = `again ${name}`
    for (let round = 1; round <= 10; round++) {
      await open(from, label)
      await from.client.evaluate((client, [label, text]) => client.send(label, text), [label, `${round} `] as const)
      await eventually(`${name}, round ${round}`, async () => (await heard(to, label)).last === `${round} `)
      await from.client.evaluate((client, label) => {
        const channel = client.channels.get(label)!
        return new Promise<void>((resolve) => {
          channel.onclose = () => resolve()
          channel.close()
        })
      }, label)
    }
    assert.equal((await heard(to, label)).count, 10)
  }
})

test('a hundred channels at once', async () => {
  for (const [name, from, to] of ways()) {
    const labels = Array.from({ length: 100 }, (_, i) => `${name} ${i}`)
    await Promise.all(labels.map((label) => open(from, label)))
    await from.client.evaluate((client, labels) => {
      for (const label of labels) client.send(label, '7 ')
    }, labels)
    await eventually(
      name,
      async () => {
        const counts = await to.client.evaluate(
          (client, labels) =>
            labels.filter((label) => client.received.some((message) => message.label === label)).length,
          labels,
        )
        return counts === labels.length
      },
      { withinMs: 20_000 },
    )
    await from.client.evaluate((client, labels) => {
      for (const label of labels) client.channels.get(label)!.close()
    }, labels)
  }
  assert.equal((await stage.server.totals()).drop_sctp_channel_limit, 0)
})
