/** Camera and screen of one publisher in real Chromium: added and removed in mid-call, told apart by their msid. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSHandle } from 'playwright-core'
import { browserTest } from '../support/browser-test.js'
import { openPage } from '../support/chromium.js'
import { eventually } from '../support/eventually.js'
import type { Client } from './pages/minijanus-client.js'

const under = browserTest()

async function join(room: string, user: string): Promise<JSHandle<Client>> {
  const page = await openPage(under.browser, `${under.pages.url}/minijanus.html`)
  return page.evaluateHandle(
    async ([url, room, user]) => {
      const client = new MinijanusClient(room!, user!)
      await client.connect(url!)
      return client
    },
    [under.server.webSocketUrl, room, user],
  )
}

/** Adds a picture of one colour (and a tone) and negotiates. @returns the id of its MediaStream */
const add = (client: JSHandle<Client>, colour: string, tone = false) =>
  client.evaluate(
    async (client, [colour, tone]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 })
      const context = canvas.getContext('2d')!
      let frame = 0
      setInterval(() => {
        context.fillStyle = colour as string
        context.fillRect(0, 0, 320, 180)
        // A picture that does not change is hardly sent.
        context.fillStyle = 'black'
        context.fillRect((frame++ * 4) % 320, 0, 4, 4)
      }, 50)
      const stream = canvas.captureStream(20)
      if (tone) {
        const audio = new AudioContext()
        const destination = audio.createMediaStreamDestination()
        const oscillator = audio.createOscillator()
        oscillator.connect(destination)
        oscillator.start()
        stream.addTrack(destination.stream.getTracks()[0]!)
      }
      for (const track of stream.getTracks()) client.pc.addTrack(track, stream)
      await client.negotiate()
      return stream.id
    },
    [colour, tone] as const,
  )

/** Removes the tracks of the MediaStream with that id and negotiates. */
const remove = (client: JSHandle<Client>, streamId: string) =>
  client.evaluate(async (client, streamId) => {
    const mline = new RegExp(`^a=msid:${streamId} (\\S+)`, 'gm')
    const tracks = [...client.pc.localDescription!.sdp.matchAll(mline)].map(([, track]) => track)
    for (const sender of client.pc.getSenders()) {
      if (sender.track && tracks.includes(sender.track.id)) client.pc.removeTrack(sender)
    }
    await client.negotiate()
  }, streamId)

interface Seen {
  mid: string
  kind: string
  /** Of the m-line, as its direction says. */
  received: boolean
  streamId: string | undefined
  /** What the picture shows: the colour that is strongest. */
  colour: string
}

/** The viewer's m-lines, as a page sees them. */
const seen = (client: JSHandle<Client>, user: string) =>
  client.evaluate(async (client, user): Promise<Seen[]> => {
    const { pc } = client.subscriptions.get(user)!
    const sections = pc.remoteDescription!.sdp.split(/\r\n(?=m=)/)
    const colourOf = async (track: MediaStreamTrack): Promise<string> => {
      const video = document.createElement('video')
      video.muted = true
      video.srcObject = new MediaStream([track])
      const frame = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
      void video.play().catch(() => undefined)
      await Promise.race([frame, new Promise((resolve) => setTimeout(resolve, 1_000))])
      const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d')!
      context.drawImage(video, 0, 0, 1, 1)
      video.srcObject = null
      const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
      if (Math.max(red, green, blue) < 60) return 'none'
      return red > green && red > blue ? 'red' : blue > green ? 'blue' : 'green'
    }
    return Promise.all(
      pc.getTransceivers().map(async ({ mid, currentDirection, receiver: { track } }) => {
        const section = sections.find((lines) => lines.includes(`a=mid:${mid}\r\n`))!
        const received = currentDirection === 'recvonly'
        return {
          mid: mid!,
          kind: track.kind,
          received,
          streamId: /^a=msid:(\S+)/m.exec(section)?.[1],
          colour: track.kind === 'video' && received && !track.muted ? await colourOf(track) : 'none',
        }
      }),
    )
  }, user)

const offersTo = (client: JSHandle<Client>, user: string) =>
  client.evaluate((client, user) => client.subscriptions.get(user)!.offers, user)

/** Waits until the viewer has exactly these m-lines: `mid kind of stream colour`, `-` for what is not received. */
async function sees(client: JSHandle<Client>, user: string, names: Record<string, string>, expected: string[]) {
  const nameOf = (id: string | undefined) => Object.entries(names).find(([, streamId]) => streamId === id)?.[0] ?? '?'
  let last: string[] = []
  const seesThem = async () => {
    last = (await seen(client, user)).map(({ mid, kind, received, streamId, colour }) =>
      received ? `${mid} ${kind} of ${nameOf(streamId)}${kind === 'video' ? ` ${colour}` : ''}` : `${mid} ${kind} -`,
    )
    return JSON.stringify(last) === JSON.stringify(expected)
  }
  const what = `${user} is seen as: ${expected.join(', ')}`
  await eventually(what, seesThem, { withinMs: 15_000 }).catch((error: Error) => {
    throw new Error(`${error.message}; last: ${last.join(', ')}`)
  })
}

test('a screen beside a camera comes, goes and comes again, and viewers know which is which', async () => {
  const ann = await join('tracks', 'ann')
  const camera = await add(ann, 'red', true)
  const bob = await join('tracks', 'bob')
  const names: Record<string, string> = { camera }
  await sees(bob, 'ann', names, ['0 audio of camera', '1 video of camera red'])
  const atFirst = await offersTo(bob, 'ann')

  names.screen = await add(ann, 'blue', true)
  const both = ['0 audio of camera', '1 video of camera red', '3 audio of screen', '4 video of screen blue']
  await sees(bob, 'ann', names, both)
  assert.equal(await offersTo(bob, 'ann'), atFirst + 1, 'one offer for both m-lines')

  // Who comes later sees the same, on the same m-lines.
  const cid = await join('tracks', 'cid')
  await sees(cid, 'ann', names, both)

  await remove(ann, names.screen)
  for (const viewer of [bob, cid])
    await sees(viewer, 'ann', names, ['0 audio of camera', '1 video of camera red', '3 audio -', '4 video -'])
  assert.equal(await offersTo(bob, 'ann'), atFirst + 2)

  names.again = await add(ann, 'green', true)
  const now = ['0 audio of camera', '1 video of camera red', '3 audio of again', '4 video of again green']
  for (const viewer of [bob, cid]) await sees(viewer, 'ann', names, now)
  assert.equal(await offersTo(bob, 'ann'), atFirst + 3)

  // The camera goes: its m-lines stay for who reads its tracks once, there is nothing to say, and the others do not move.
  await remove(ann, camera)
  // Another camera takes the place of the first.
  names.other = await add(ann, 'blue', true)
  await sees(bob, 'ann', names, [
    '0 audio of other',
    '1 video of other blue',
    '3 audio of again',
    '4 video of again green',
  ])
  assert.equal(await offersTo(bob, 'ann'), atFirst + 4, 'none for the camera that went')
})

test('a track whose codec the server does not take leaves its m-line to the next one', async () => {
  const ann = await join('declined', 'ann')
  const direction = await ann.evaluate(async (client) => {
    const transceiver = client.pc.addTransceiver('audio', { direction: 'sendonly' })
    const { codecs } = RTCRtpSender.getCapabilities('audio')!
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'audio/PCMU'))
    await client.negotiate()
    return transceiver.currentDirection
  })
  assert.equal(direction, 'stopped', 'its m-line was declined')
  const camera = await add(ann, 'red', true)
  const mids = await ann.evaluate(({ pc }) =>
    [...pc.localDescription!.sdp.matchAll(/^a=mid:(\S+)/gm)].map(([, mid]) => mid),
  )
  assert.equal(mids.length, 3, 'a new track is where the old one was')
  assert.ok(!mids.includes('1'), `${mids}`)
  const bob = await join('declined', 'bob')
  await sees(bob, 'ann', { camera }, ['0 audio of camera', '1 video of camera red'])
})
