/** Codecs that browsers have, through the server: video of each kind, stereo, RED and DTX. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type BrowserName, browserNames } from '../support/browsers.js'
import { type CallStage, openCallStage, type RemoteCaller } from '../support/callers.js'
import { eventually } from '../support/eventually.js'

let stage: CallStage

before(async () => {
  stage = await openCallStage()
})

after(() => stage.close())

const codecNames = ['VP8', 'VP9', 'H264', 'AV1']

/** What a browser encodes, or decodes. */
const capabilities = (browser: BrowserName, way: 'sender' | 'receiver') =>
  stage.pages[browser].evaluate((way) => {
    const { codecs } = (way === 'sender' ? RTCRtpSender : RTCRtpReceiver).getCapabilities('video')!
    return codecs.map(({ mimeType }) => mimeType.replace('video/', ''))
  }, way)

test('each video codec is decoded by each browser that has it', async () => {
  const table: Record<string, Record<string, string>> = {}
  const problems: string[] = []
  for (const codec of codecNames) {
    const cells: Record<string, string> = {}
    table[codec] = cells
    const callers: RemoteCaller[] = []
    for (const publisher of browserNames) {
      if (!(await capabilities(publisher, 'sender')).includes(codec)) {
        for (const viewer of browserNames) cells[`${publisher} → ${viewer}`] = `${publisher} has none`
        continue
      }
      const ann = await stage.join(publisher, codec, publisher)
      callers.push(ann)
      await ann.publish({ video: { codec: `video/${codec}` } })
      for (const viewer of browserNames) {
        const pair = `${publisher} → ${viewer}`
        if (!(await capabilities(viewer, 'receiver')).includes(codec)) {
          cells[pair] = `${viewer} has none`
          continue
        }
        const bob = await stage.join(viewer, codec, `${viewer} looks at ${publisher}`)
        callers.push(bob)
        await bob.subscribe(publisher)
        try {
          const video = (await bob.plays(publisher, ['video'])).find(({ kind }) => kind === 'video')!
          assert.equal(video.codec, `video/${codec}`)
          cells[pair] = `${video.framesDecoded} frames`
        } catch (error) {
          cells[pair] = 'FAILED'
          problems.push(`${codec} ${pair}: ${error}`)
        }
      }
    }
    for (const caller of callers) await caller.leave()
  }
  console.table(table)
  assert.deepEqual(problems, [])
  const without = Object.entries(table).flatMap(([codec, cells]) =>
    Object.entries(cells).flatMap(([pair, cell]) => (cell.endsWith(' frames') ? [] : [`${codec} ${pair}`])),
  )
  // Firefox has H264 only with a plugin that it fetches by itself, which the tests switch off.
  assert.deepEqual(
    without.filter((what) => !/^H264 .*Firefox/.test(what)),
    [],
    'VP8, VP9 and AV1 in all four pairs, H264 from Chromium to Chromium',
  )
})

const LEFT_HZ = 500
const RIGHT_HZ = 1500

test('stereo stays stereo', async () => {
  const problems: string[] = []
  const hears = async (publisher: BrowserName, viewer: BrowserName) => {
    const bob = await stage.join(viewer, 'stereo', `${viewer} hears ${publisher}`)
    await bob.subscribe(publisher)
    const isNear = (hz: number, wantedHz: number) => Math.abs(hz - wantedHz) < 30
    const sides = () => bob.client.evaluate((client, user) => client.loudestOf(user), publisher)
    await eventually(`${publisher}'s two tones in ${viewer}`, async () => {
      const { leftHz, rightHz } = await sides()
      return isNear(leftHz, LEFT_HZ) && isNear(rightHz, RIGHT_HZ)
    }).catch(async (error) => problems.push(`${error}, but ${JSON.stringify(await sides())}`))
    await bob.leave()
  }
  for (const publisher of browserNames) {
    const ann = await stage.join(publisher, 'stereo', publisher)
    await ann.publish({ audio: { leftHz: LEFT_HZ, rightHz: RIGHT_HZ } })
    await Promise.all(browserNames.map((viewer) => hears(publisher, viewer)))
    await ann.leave()
  }
  assert.deepEqual(problems, [])
})

/** Chromium's payload type for it. */
const RED = 63

test('RED goes to who takes it, and opus out of it to who does not', async () => {
  const ann = await stage.join('Chromium', 'red', 'ann')
  await ann.publish({ audio: { leftHz: LEFT_HZ, rightHz: RIGHT_HZ }, audioPt: RED })
  // Firefox has no RED. In Chromium's figures RED is called opus, but it is twice as much.
  const bytesPerPacket = async (viewer: BrowserName) => {
    const bob = await stage.join(viewer, 'red', viewer)
    await bob.subscribe('ann')
    const audio = await eventually('a second of sound', async () => {
      const [audio] = await bob.receivedOf('ann')
      return audio !== undefined && audio.packets > 50 && audio.audioEnergy > 0 && audio
    })
    assert.equal(audio.codec, 'audio/opus')
    await bob.leave()
    return audio.bytes / audio.packets
  }
  const [withRed, opusOnly] = await Promise.all([bytesPerPacket('Chromium'), bytesPerPacket('Firefox')])
  assert.ok(withRed > 1.6 * opusOnly, `${withRed} bytes per packet with RED, ${opusOnly} without`)
  await ann.leave()
})

test('silence is not sent in full (DTX), and is no loss', async () => {
  const ann = await stage.join('Chromium', 'dtx', 'ann')
  await ann.publish({ audio: 'silence' })
  const bob = await stage.join('Chromium', 'dtx', 'bob')
  await bob.subscribe('ann')
  const audio = async () => (await bob.receivedOf('ann'))[0]
  const packets = async () => (await audio())?.packets ?? 0
  await eventually('packets', async () => (await packets()) > 0)
  // 50 packets a second without DTX; it begins after some of them.
  await eventually('few packets', async () => {
    const before = await packets()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    return (await packets()) - before < 15
  })
  assert.equal((await audio())!.lost, 0)
  await ann.leave()
  await bob.leave()
})
