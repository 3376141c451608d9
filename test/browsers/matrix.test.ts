/**
 * Everybody with everybody: a publisher and a subscriber of each browser in one room. Each row of the table is one
 * thing that must work, each column a pair.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type BrowserName, browserNames } from '../support/browsers.js'
import { type CallStage, openCallStage, type RemoteCaller } from '../support/callers.js'
import { eventually } from '../support/eventually.js'

let stage: CallStage
const publishers = {} as Record<BrowserName, RemoteCaller>
const subscribers = {} as Record<BrowserName, RemoteCaller>

interface Pair {
  name: string
  from: RemoteCaller
  to: RemoteCaller
  /** Of the publisher. */
  user: string
}
const pairs: Pair[] = []
/** What each row showed, by pair. */
const table: Record<string, Record<string, string>> = {}

before(async () => {
  stage = await openCallStage()
  for (const name of browserNames) {
    publishers[name] = await stage.join(name, 'matrix', `${name}-publisher`)
    subscribers[name] = await stage.join(name, 'matrix', `${name}-subscriber`)
  }
  for (const publisher of browserNames)
    for (const subscriber of browserNames) {
      const from = publishers[publisher]
      pairs.push({ name: `${publisher} → ${subscriber}`, from, to: subscribers[subscriber], user: from.user })
    }
})

after(async () => {
  console.table(table)
  await stage.close()
})

/** A test of one row: `probe` throws, or gives what is written down for its pair. */
function row(what: string, probe: (pair: Pair) => Promise<string>): void {
  test(what, async () => {
    const cells: Record<string, string> = Object.fromEntries(pairs.map(({ name }) => [name, 'FAILED']))
    table[what] = cells
    const problems: string[] = []
    await Promise.all(
      pairs.map(async (pair) => {
        try {
          cells[pair.name] = await probe(pair)
        } catch (error) {
          problems.push(`${pair.name}: ${error}`)
        }
      }),
    )
    assert.deepEqual(problems, [])
  })
}

/** What every publisher does between two rows. */
function step(what: string, act: (publisher: RemoteCaller) => Promise<void>): void {
  test(what, async () => {
    for (const publisher of Object.values(publishers)) await act(publisher)
  })
}

step('a microphone and a camera are published', (publisher) => publisher.publish({ audio: true, video: {} }))

test('everybody subscribes', async () => {
  for (const { to, user } of pairs) await to.subscribe(user)
})

row('sound and picture', async ({ to, user }) => {
  const received = await to.plays(user, ['audio', 'video'])
  const [audio, video] = received.toSorted((a, b) => a.kind.localeCompare(b.kind))
  assert.ok(audio!.packets > 0 && audio!.audioEnergy > 0)
  assert.deepEqual([video!.width, video!.height], [320, 240])
  return `${audio!.codec} ${video!.codec} ${video!.width}×${video!.height}`
})

for (const label of ['reliable', 'unreliable'])
  row(`data channel, ${label}`, async ({ from, to, user, name }) => {
    for (const message of [`${name} ü`, [0, 1, 255], '', []])
      await from.client.evaluate((client, [label, message]) => client.send(label, message), [label, message] as const)
    const wanted = [`text ${name} ü`, 'bytes 0.1.255', 'text ', 'bytes ']
    await eventually(`all messages of ${user}`, async () => {
      const heard = await to.client.evaluate(
        (client, label) => client.received.filter((message) => message.label === label).map(({ payload }) => payload),
        label,
      )
      return wanted.every((payload) => heard.includes(payload))
    })
    return 'text, binary, empty'
  })

step('another camera is taken by replaceTrack', ({ client }) =>
  client.evaluate((client) => client.replaceVideo(480, 270)),
)

row('the picture of another camera', async ({ to, user }) => {
  // A sender may scale it down for want of bandwidth; the shape stays.
  const isWide = ({ width, height }: { width: number; height: number }) => Math.abs(width / height - 16 / 9) < 0.05
  const wide = async () => (await to.receivedOf(user)).find(isWide)
  const { width, height } = await eventually('the wide picture', wide, { withinMs: 10_000 })
  await to.plays(user, ['audio', 'video'])
  return `${width}×${height}`
})

step('the camera is taken away by removeTrack', ({ client }) => client.evaluate((client) => client.remove('video')))

row('no picture, but sound', async ({ to, user }) => {
  const packets = async () => (await to.receivedOf(user)).find(({ kind }) => kind === 'video')!.packets
  await eventually('no more packets', async () => {
    const before = await packets()
    await new Promise((resolve) => setTimeout(resolve, 500))
    return (await packets()) === before
  })
  await to.plays(user, ['audio'])
  return 'so it is'
})

step('a camera is added again', (publisher) => publisher.publish({ video: {} }))

row('its picture', async ({ to, user }) => {
  const received = await to.plays(user, ['audio', 'video'])
  const { offers } = await to.client.evaluate((client, user) => {
    const { offers, pc } = client.subscriptions.get(user)!
    return { offers, state: pc.connectionState }
  }, user)
  return `${received.filter(({ kind, packets }) => kind === 'video' && packets > 0).length} of video, ${offers} offers`
})

step('the publishers leave', (publisher) => publisher.leave())

row('one leave is told', async ({ to, user }) => {
  const leaves = () => to.client.evaluate((client) => client.events.filter((event) => event.startsWith('leave ')))
  const told = await eventually('both leaves', async () => {
    const all = await leaves()
    return all.length >= 2 && all
  })
  assert.equal(told.filter((event) => event === `leave ${user}`).length, 1)
  return 'told'
})

/** The sizes that are sent, in pixels. */
const LARGE = { width: 480, height: 270 }
const SMALL = { width: 240, height: 135 }

test('pictures are published in two sizes', async () => {
  for (const pair of pairs) pair.user = `${pair.from.user} in layers`
  for (const name of browserNames) {
    const publisher = await stage.join(name, 'matrix', `${publishers[name].user} in layers`)
    publishers[name] = publisher
    const encodings = [
      { rid: 'small', scaleResolutionDownBy: 2, maxBitrate: 100_000 },
      { rid: 'large', maxBitrate: 300_000 },
    ]
    await publisher.publish({ video: { ...LARGE, drawn: true, encodings } })
    const answer = await publisher.client.evaluate((client) => client.answer)
    assert.match(answer, /^a=simulcast:recv small;large\r$/m, name)
  }
  for (const { to, user } of pairs) await to.subscribe(user)
})

row('simulcast: the large picture, the small one, and the large one again', async ({ to, user }) => {
  const video = async () => (await to.receivedOf(user)).find(({ kind }) => kind === 'video')
  const shows = async ({ width, height }: typeof LARGE) => {
    const moves = async () => {
      const before = await video()
      await new Promise((resolve) => setTimeout(resolve, 400))
      const now = await video()
      const isIt = [before, now].every((seen) => seen?.width === width && seen.height === height)
      return isIt && now!.framesDecoded > before!.framesDecoded + 2
    }
    await eventually(`a picture of ${width}×${height} that moves`, moves, { withinMs: 20_000 })
  }
  await shows(LARGE)
  await to.prefer(user, { max_width: LARGE.width - 1 })
  await shows(SMALL)
  await to.prefer(user, {})
  await shows(LARGE)
  return [LARGE, SMALL].map(({ width, height }) => `${width}×${height}`).join(', ')
})

test('both encodings were sent at once, by each browser', async () => {
  for (const name of browserNames) {
    const sent = await publishers[name].client.evaluate((client) => client.sent())
    assert.deepEqual(
      sent.map(({ rid, framesEncoded }) => [rid, framesEncoded > 0]).sort(),
      [
        ['large', true],
        ['small', true],
      ],
      name,
    )
  }
})

test('two sizes of H264, which Chromium makes: the large picture and the small one', async () => {
  const publisher = await stage.join('Chromium', 'matrix', 'H264 in layers')
  // Even halves: H264 has no odd sizes.
  const [large, small] = [
    { width: 480, height: 272 },
    { width: 240, height: 136 },
  ]
  const encodings = [
    { rid: 'small', scaleResolutionDownBy: 2, maxBitrate: 100_000 },
    { rid: 'large', maxBitrate: 300_000 },
  ]
  await publisher.publish({ video: { ...large, drawn: true, encodings, codec: 'video/H264' } })
  const viewer = subscribers.Chromium
  await viewer.subscribe(publisher.user)
  for (const [wish, { height }] of [
    [{}, large],
    [{ max_width: large.width - 1 }, small],
    [{}, large],
  ] as const) {
    await viewer.prefer(publisher.user, wish)
    const video = async () => (await viewer.receivedOf(publisher.user)).find(({ kind }) => kind === 'video')
    const seen = await eventually(
      `${height} lines`,
      async () => {
        const now = await video()
        return now?.height === height && now
      },
      { withinMs: 20_000 },
    )
    assert.equal(seen.codec, 'video/H264')
    const { framesDecoded } = seen
    await eventually('it moves', async () => (await video())!.framesDecoded > framesDecoded + 5, { withinMs: 10_000 })
  }
  await publisher.leave()
})

test('no page had an error', () => {
  for (const [name, { problems }] of Object.entries(stage.pages)) assert.deepEqual(problems, [], name)
})
