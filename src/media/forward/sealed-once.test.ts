/**
 * A number of an SSRC is sealed once: whatever goes out under it again is the same packet to the last bit, since another
 * one would repeat an SRTP nonce. Subscribers without RTX get packets again under the number that they had.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeNack } from '../rtp/rtcp/index.js'
import type { Peer } from './router.js'
import { vp9Frame } from './testing/layers.js'
import { vp8 } from './testing/packets.js'
import type { SentRtp } from './testing/recording-io.js'
import { AUDIO_SSRC, audioStream, Scene, sendAudio, sendVideo, VIDEO_SSRC, videoStream } from './testing/scene.js'

const SUBSCRIBER_SSRC = 20
const VP9 = [{ codec: 'VP9' as const, pt: 98 }]

/** What `peer` gets when it asks for all of `sent` again. */
function again(scene: Scene, peer: Peer, sent: readonly SentRtp[]): SentRtp[] {
  scene.advance(50)
  scene.io.takeRtp()
  const bytes = new Uint8Array(1500)
  const seqs = sent.map(({ extSeq }) => extSeq & 0xffff)
  scene.rtcp(peer, bytes.subarray(0, writeNack(bytes, 0, 99, SUBSCRIBER_SSRC, seqs)))
  return scene.io.takeRtp()
}

test('who asks again for the silence behind the last word gets silence, and the first word with its marker', () => {
  const scene = new Scene({ audible: 1 })
  const voices = [100, 101].map((endpoint) => {
    const peer = scene.publisher([audioStream], endpoint)
    scene.router.place(endpoint, 'room')
    return peer
  })
  const subscriber = scene.subscriber(voices[0]!, [sendAudio(SUBSCRIBER_SSRC)])
  let seq = 1000
  const talk = (...levels: number[]) => {
    for (let i = 0; i < 100; i++, seq++, scene.advance(20)) {
      for (const [at, level] of levels.entries()) {
        const extensions = { 1: Uint8Array.of(0x80 | level) }
        const payload = Uint8Array.of(0x78, 1, 2, 3, 4, 5, 6, 7, 8, seq & 0xff)
        scene.rtp(voices[at]!, { pt: 111, seq, timestamp: seq * 960, ssrc: AUDIO_SSRC, extensions, payload })
      }
    }
  }
  talk(30, 127)
  scene.io.takeRtp()
  talk(127, 30)
  const fading = scene.io.takeRtp().slice(-5)
  assert.deepEqual(
    fading.map(({ payload }) => payload.length),
    [10, 10, 3, 3, 3],
  )
  assert.deepEqual(again(scene, subscriber, fading), fading)

  talk(30, 127)
  const turn = scene.io.takeRtp().slice(0, 90)
  assert.equal(turn[0]!.marker, true)
  // The history holds so many.
  assert.deepEqual(again(scene, subscriber, turn.slice(0, 20)), turn.slice(0, 20))
})

test('a layer that ends with the first packet has its marker, also when it is sent again', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...videoStream, payloadTypes: VP9 }])
  const subscriber = scene.subscriber(publisher, [sendVideo(SUBSCRIBER_SSRC, { rtxSsrc: 0, payloadTypes: VP9 })])
  let seq = 1
  const picture = (pictureId: number, predicted: boolean) => {
    for (let sid = 0; sid < 2; sid++) {
      const payload = vp9Frame({ pictureId, tl0PicIdx: pictureId, sid, tid: 0, predicted, up: true })
      const timestamp = pictureId * 3000
      scene.rtp(publisher, { pt: 98, marker: sid === 1, seq: seq++, timestamp, ssrc: VIDEO_SSRC, payload })
    }
    scene.advance(33)
  }
  for (let i = 0; i < 3; i++) picture(i, i > 0)
  subscriber.feeds[0]!.subscription.setTarget({ spatial: 0, temporal: 0 }, scene.nowMs)
  subscriber.feeds[0]!.subscription.skipAhead()
  scene.io.takeRtp()
  for (let i = 3; i < 6; i++) picture(i, i > 3)
  const sent = scene.io.takeRtp()
  assert.deepEqual(
    sent.map(({ marker }) => marker),
    [true, true, true],
  )
  assert.deepEqual(again(scene, subscriber, sent), sent)
})

test('a keyframe that comes behind what was sent before an interruption is no beginning', () => {
  const scene = new Scene()
  const publisher = scene.publisher([{ ...videoStream, payloadTypes: VP9 }])
  const subscriber = scene.subscriber(publisher, [sendVideo(SUBSCRIBER_SSRC, { rtxSsrc: 0, payloadTypes: VP9 })])
  const layer = (seq: number, sid: number, predicted: boolean) => {
    const pictureId = (seq + 1) >> 1
    const payload = vp9Frame({ pictureId, tl0PicIdx: pictureId, sid, tid: 0, predicted, up: true })
    const timestamp = pictureId * 3000
    scene.rtp(publisher, { pt: 98, marker: sid === 1, seq, timestamp, ssrc: VIDEO_SSRC, payload })
  }
  layer(1, 0, false)
  layer(2, 1, false)
  layer(4, 1, false)
  const { subscription } = subscriber.feeds[0]!
  subscription.setTarget({ spatial: 0, temporal: 0 }, scene.nowMs)
  subscription.skipAhead()
  scene.io.takeRtp()
  layer(3, 0, false)
  assert.deepEqual(scene.io.takeRtp(), [])
  layer(5, 0, false)
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 1)
  assert.deepEqual(again(scene, subscriber, sent), sent)
})

test('what came before other extension ids is not sent again, though they changed while the subscriber was paused', () => {
  const scene = new Scene()
  const publisher = scene.publisher([videoStream])
  const extensions = { mid: 3, 'video-orientation': 7 }
  const types = [{ codec: 'VP8' as const, pt: 120 }]
  const subscriber = scene.subscriber(publisher, [
    sendVideo(SUBSCRIBER_SSRC, { rtxSsrc: 0, payloadTypes: types, extensions }),
  ])
  const say = (seq: number, id: number) =>
    scene.rtp(publisher, {
      pt: 96,
      seq,
      timestamp: seq * 3000,
      ssrc: VIDEO_SSRC,
      extensions: { [id]: Uint8Array.of(1), 9: Uint8Array.of(2) },
      payload: vp8(true),
    })
  say(1, 6)
  say(2, 6)
  const sent = scene.io.takeRtp()
  assert.equal(sent.length, 2)
  subscriber.setPaused(true, scene.nowMs)
  publisher.setReceiveStreams(
    [{ ...videoStream, extensions: { ...videoStream.extensions, 'video-orientation': 9 } }],
    scene.nowMs,
  )
  subscriber.setPaused(false, scene.nowMs)
  say(3, 9)
  const all = [...sent, ...scene.io.takeRtp()]
  assert.equal(all.length, 3)
  assert.deepEqual(again(scene, subscriber, all), all.slice(2))
})
